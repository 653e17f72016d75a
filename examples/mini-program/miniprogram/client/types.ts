/** What the OpenAPI description says of a route, as types. */
import type { paths } from './schema'

export type Method = 'get' | 'post' | 'put' | 'delete'

/** The paths that have this method. */
export type PathOf<M extends Method> = { [P in keyof paths]: paths[P] extends Record<M, object> ? P : never }[keyof paths] & string

type Operation<P extends keyof paths, M extends Method> = M extends keyof paths[P] ? paths[P][M] : never

/** The body of a request in JSON; `undefined` for a route that takes none. */
export type Body<P extends keyof paths, M extends Method> = Operation<P, M> extends { requestBody: { content: { 'application/json': infer B } } }
  ? B : undefined

/** The parameters of the query. */
export type Query<P extends keyof paths, M extends Method> = Operation<P, M> extends { parameters: { query?: infer Q } }
  ? NonNullable<Q> : never

/** The answer to a request that succeeds. */
export type Answer<P extends keyof paths, M extends Method> = Operation<P, M> extends {
  responses: { 200: { content: { 'application/json': infer A } } }
} ? A : never

type ParameterNames<P extends string> = P extends `${string}{${infer Name}}${infer Rest}` ? Name | ParameterNames<Rest> : never

/** What stands for the names in braces. */
export type PathParameters<P extends string> = { [Name in ParameterNames<P>]: string }

export type Product = Answer<'/api/products', 'get'>['products'][number]
export type Order = Answer<'/api/orders/{orderId}', 'get'>['order']
export type NewOrder = Body<'/api/orders', 'post'>
export type PlacedOrder = Answer<'/api/orders', 'post'>
export type User = Answer<'/api/user', 'get'>['user']
export type UploadKind = Body<'/api/uploads', 'post'>['kind']
