//! Login: wx.login code to session token.
