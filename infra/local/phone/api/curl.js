// An operation as a command for a shell.

import { Description } from './description.js'

/** The command that calls the operation at `origin`. Variables of the path stand as `$NAME`, so that the shell can fill them in. */
export function curl(operation, origin) {
  const path = operation.path.replace(/\{([^}]+)\}/g, (_, name) => `$${shellName(name)}`)
  const required = operation.parameters.filter((parameter) => parameter.required)
  const query = required.filter((parameter) => parameter.in === 'query').map((parameter) => parameter.name)
  // Debian 12's curl signs the query as it stands, and AWS sorts it.
  const pairs = query.sort().map((name) => `${name}=$${shellName(name)}`)
  const url = `${origin}${path}${pairs.length > 0 ? `?${pairs.join('&')}` : ''}`
  const lines = [`curl -s${operation.method === 'GET' ? '' : ` -X ${operation.method}`}`]
  if (operation.who[0] === 'operator') lines.push('--aws-sigv4 aws:amz:us-east-1:execute-api --user local:local')
  if (['user', 'staff'].includes(operation.who[0])) lines.push('-H "authorization: Bearer $TOKEN"')
  for (const parameter of required.filter((one) => one.in === 'header')) {
    lines.push(`-H "${parameter.name.toLowerCase()}: $${shellName(parameter.name)}"`)
  }
  const content = operation.requestBody?.content?.['application/json']
  const example = content && Description.examples(content)[0]?.[1]
  if (example !== undefined) {
    lines.push("-H 'content-type: application/json'", `-d ${quoted(JSON.stringify(example))}`)
  }
  lines.push(`"${url}"`)
  return lines.join(' \\\n  ')
}

/** A parameter's name as the shell can have it: `orderId` is `ORDER_ID`. */
function shellName(name) {
  return name.replace(/([a-z])([A-Z])/g, '$1_$2').replaceAll('-', '_').toUpperCase()
}

function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
