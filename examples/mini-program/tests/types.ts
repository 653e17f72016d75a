// Calls that must not compile: each `@ts-expect-error` is an error itself if its line has none.
import { Client } from '../miniprogram/client/index'

declare const client: Client

// @ts-expect-error: there is no such route
client.get('/api/nothing')
// @ts-expect-error: the route has no PUT
client.put('/api/user', {})
// @ts-expect-error: the order's id is missing
client.get('/api/orders/{orderId}')
// @ts-expect-error: a parameter of another name
client.get('/api/orders/{orderId}', { path: { id: '1' } })
// @ts-expect-error: prices are the back end's
client.placeOrder({ items: [{ productId: 'water', quantity: 1 }], price: 1 })
// @ts-expect-error: a quantity is a number
client.placeOrder({ productId: 'water', quantity: '1' })
// @ts-expect-error: the body lacks its code
client.post('/api/login', {})
// @ts-expect-error: no such parameter of the query
client.get('/api/orders', { query: { page: 1 } })
// @ts-expect-error: an order has no such field
client.get('/api/orders/{orderId}', { path: { orderId: '1' } }).then(({ order }) => order.price)
// @ts-expect-error: no such kind of upload
client.upload('video', 'wxfile://a')

client.get('/api/orders/{orderId}', { path: { orderId: '1' } }).then(({ order }) => order.paidAt?.length)
