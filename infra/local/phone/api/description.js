// Reads the description: references, security, examples.

/** The description as `openapi.json` has it. */
export class Description {
  constructor(root) {
    this.root = root
  }

  /** What a `$ref` leads to, with what stands beside it; any other value is its own target. */
  target(value) {
    if (value === null || typeof value !== 'object' || !('$ref' in value)) return value
    const { $ref, ...beside } = value
    const names = $ref.slice(2).split('/').map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'))
    const found = this.target(names.reduce((place, name) => place[name], this.root))
    return { ...found, ...beside }
  }

  /** The last part of a reference, which names a schema. */
  static nameOf(value) {
    return value?.$ref?.split('/').at(-1)
  }

  /** Every operation, in the order of the families. */
  operations() {
    const all = Object.entries(this.root.paths).flatMap(([path, item]) =>
      METHODS.filter((method) => method in item).map((method) => {
        const operation = item[method]
        const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])]
        return {
          ...operation,
          method: method.toUpperCase(),
          path,
          parameters: parameters.map((parameter) => this.target(parameter)),
          requestBody: this.target(operation.requestBody),
          responses: Object.entries(operation.responses).map(([status, response]) => [status, this.target(response)]),
          who: this.callers(operation),
        }
      }),
    )
    return all
  }

  /** The names of the security schemes of an operation; `anybody` if a request needs none. */
  callers(operation) {
    const security = operation.security ?? this.root.security ?? []
    const names = security.map((one) => Object.keys(one)[0] ?? 'anybody')
    return names.length === 0 ? ['anybody'] : names
  }

  /** The error codes that a schema of a failure names. */
  codes(schema) {
    const read = this.target(schema)
    if (!read) return []
    const parts = [...(read.anyOf ?? []), ...(read.allOf ?? [])]
    const code = '$ref' in schema ? undefined : read.properties?.code
    const own = code === undefined || '$ref' in code ? [] : (code.enum ?? [code.const])
    return [...own, ...parts.flatMap((part) => ('$ref' in part ? [] : this.codes(part)))]
  }

  /** The examples of a body, with their names. */
  static examples(content) {
    const several = Object.entries(content.examples ?? {}).map(([name, example]) => [name, example.value])
    return 'example' in content ? [['', content.example], ...several] : several
  }
}

const METHODS = ['get', 'post', 'put', 'delete', 'patch']
