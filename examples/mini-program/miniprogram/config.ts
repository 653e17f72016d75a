/** The back end's address. A released mini program needs HTTPS and a domain that is entered in WeChat's console. */
export const API_BASE = 'http://127.0.0.1:3000'

/** The subscribe templates of the messages about orders; enter yours. */
export const ORDER_TEMPLATES = ['order-paid']
