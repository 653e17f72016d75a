//! Prepay an order and sign wx.requestPayment arguments.
