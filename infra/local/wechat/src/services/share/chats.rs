//! Chats, their members, the cards in them, and through which card each user has entered last.

use std::collections::{HashMap, HashSet};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};

use crate::core::random;

/// The kind of a chat, with WeChat's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ChatType {
    /// Two people.
    Single,
    /// A person and a contact of `WeCom`.
    WeComContact,
    /// Several people.
    Group,
    /// A group of `WeCom`.
    WeComGroup,
}

impl ChatType {
    pub(super) fn from_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::Single),
            2 => Some(Self::WeComContact),
            3 => Some(Self::Group),
            4 => Some(Self::WeComGroup),
            _ => None,
        }
    }

    pub(super) fn number(self) -> u8 {
        match self {
            Self::Single => 1,
            Self::WeComContact => 2,
            Self::Group => 3,
            Self::WeComGroup => 4,
        }
    }

    pub(super) fn is_single(self) -> bool {
        matches!(self, Self::Single | Self::WeComContact)
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Chat {
    /// The id that this mini program sees: `opengid` of a group, `open_single_roomid` of two people.
    id: String,
    chat_type: ChatType,
    members: HashSet<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Card {
    /// The name of the chat; `None` in Moments.
    chat: Option<String>,
    path: String,
}

/// How a user has entered last. The ticket lives until the user enters again.
#[derive(Debug, Serialize, Deserialize)]
struct Run {
    chat: String,
    share_ticket: Option<String>,
}

/// A user has opened a card.
#[derive(Debug)]
pub(super) struct CardEntry {
    /// The page with its query.
    pub(super) path: String,
    /// The number that WeChat gives this way in.
    pub(super) scene: u16,
    /// For the ids of a group; `None` for two people and in Moments.
    pub(super) share_ticket: Option<String>,
}

/// The chat from which a user has entered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct EnteredChat {
    pub(super) id: String,
    pub(super) chat_type: ChatType,
    /// The user's id in this chat.
    pub(super) group_openid: String,
}

/// Why a user's chat is not told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ChatRefusal {
    /// The user has not entered from a chat.
    NotEntered,
    /// The user has left the chat since.
    Left,
}

/// All chats by name, and the cards in them.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Chats {
    chats: HashMap<String, Chat>,
    cards: HashMap<String, Card>,
    /// By openid.
    runs: HashMap<String, Run>,
}

impl Chats {
    /// Puts a card into the chat, which is made if there is none of this name; returns the card's id. `None` if the chat is of another
    /// type or has two other people in it.
    pub(super) fn share(
        &mut self,
        name: &str,
        chat_type: ChatType,
        openid: &str,
        path: &str,
    ) -> Option<String> {
        let chat = self.chats.entry(name.to_owned()).or_insert_with(|| Chat {
            id: random::chat_id(if chat_type.is_single() { 's' } else { 't' }),
            chat_type,
            members: HashSet::new(),
        });
        (chat.chat_type == chat_type && chat.join(openid)).then(|| self.keep_card(Some(name), path))
    }

    /// Puts a card into Moments; returns its id.
    pub(super) fn share_to_timeline(&mut self, path: &str) -> String {
        self.keep_card(None, path)
    }

    fn keep_card(&mut self, chat: Option<&str>, path: &str) -> String {
        let id = random::nonce();
        self.cards.insert(id.clone(), Card { chat: chat.map(str::to_owned), path: path.to_owned() });
        id
    }

    /// The user opens the card, for which the user must be in its chat; `None` if there is no such card or no room in the chat.
    pub(super) fn enter(&mut self, openid: &str, card: &str) -> Option<CardEntry> {
        let Card { chat: name, path } = self.cards.get(card)?.clone();
        let Some(name) = name else {
            self.runs.remove(openid);
            return Some(CardEntry { path, scene: SCENE_TIMELINE, share_ticket: None });
        };
        let chat = self.chats.get_mut(&name)?;
        if !chat.join(openid) {
            return None;
        }
        let share_ticket = (!chat.chat_type.is_single()).then(random::ticket);
        let scene = if share_ticket.is_some() { SCENE_GROUP_TICKET } else { SCENE_SINGLE };
        self.runs.insert(openid.to_owned(), Run { chat: name, share_ticket: share_ticket.clone() });
        Some(CardEntry { path, scene, share_ticket })
    }

    /// The id of the group from which the user has entered with this ticket.
    pub(super) fn group_of_ticket(&self, openid: &str, ticket: &str) -> Option<&str> {
        let run = self.runs.get(openid)?;
        (run.share_ticket.as_deref() == Some(ticket)).then_some(())?;
        Some(self.chats.get(&run.chat)?.id.as_str())
    }

    /// The chat from which the user has entered last.
    pub(super) fn entered_chat(&self, openid: &str) -> Result<EnteredChat, ChatRefusal> {
        let run = self.runs.get(openid).ok_or(ChatRefusal::NotEntered)?;
        let chat = self.chats.get(&run.chat).ok_or(ChatRefusal::NotEntered)?;
        if !chat.members.contains(openid) {
            return Err(ChatRefusal::Left);
        }
        let group_openid = group_openid(&chat.id, openid);
        Ok(EnteredChat { id: chat.id.clone(), chat_type: chat.chat_type, group_openid })
    }

    /// The user leaves the chat; false if the user was not in it.
    pub(super) fn leave(&mut self, name: &str, openid: &str) -> bool {
        self.chats.get_mut(name).is_some_and(|chat| chat.members.remove(openid))
    }
}

impl Chat {
    /// Adds the user; false if two other people have the chat for themselves.
    fn join(&mut self, openid: &str) -> bool {
        if self.chat_type.is_single() && self.members.len() >= 2 && !self.members.contains(openid) {
            return false;
        }
        self.members.insert(openid.to_owned());
        true
    }
}

/// A user's id in a chat: 28 characters that begin with `oG`, always the same.
fn group_openid(chat_id: &str, openid: &str) -> String {
    let digest = Sha1::new().chain_update(chat_id).chain_update(openid).finalize();
    let text = URL_SAFE_NO_PAD.encode(digest);
    format!("oG{}", text.get(..26).unwrap_or_default())
}

/// "Single chat, mini program message card".
const SCENE_SINGLE: u16 = 1007;
/// "Mini program message card with a shareTicket".
const SCENE_GROUP_TICKET: u16 = 1044;
/// "Single-page mode in Moments".
const SCENE_TIMELINE: u16 = 1154;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_has_one_id_for_all_who_enter_from_it() {
        let mut chats = Chats::default();
        let card = chats.share("family", ChatType::Group, "o1", "pages/a").unwrap();
        let (one, two) = (chats.enter("o1", &card).unwrap(), chats.enter("o2", &card).unwrap());
        assert_ne!(one.share_ticket, two.share_ticket);
        let group = chats.group_of_ticket("o1", &one.share_ticket.unwrap()).unwrap().to_owned();
        assert_eq!((group.len(), group.chars().next()), (28, Some('t')));
        assert_eq!(chats.group_of_ticket("o2", &two.share_ticket.clone().unwrap()), Some(group.as_str()));
        assert_eq!(chats.group_of_ticket("o1", &two.share_ticket.unwrap()), None);
        let (one, two) = (chats.entered_chat("o1").unwrap(), chats.entered_chat("o2").unwrap());
        assert_eq!((&one.id, &two.id), (&group, &group));
        assert_ne!(one.group_openid, two.group_openid);
        assert_eq!(one.group_openid.len(), 28);
    }

    #[test]
    fn a_ticket_ends_when_the_user_enters_again() {
        let mut chats = Chats::default();
        let card = chats.share("family", ChatType::Group, "o1", "pages/a").unwrap();
        let first = chats.enter("o1", &card).unwrap().share_ticket.unwrap();
        let moments = chats.share_to_timeline("pages/a?x=1");
        let entry = chats.enter("o1", &moments).unwrap();
        assert_eq!((entry.scene, entry.share_ticket), (1154, None));
        assert_eq!(chats.group_of_ticket("o1", &first), None);
        assert_eq!(chats.entered_chat("o1"), Err(ChatRefusal::NotEntered));
    }

    #[test]
    fn two_people_have_a_chat_for_themselves() {
        let mut chats = Chats::default();
        let card = chats.share("us", ChatType::Single, "o1", "pages/a").unwrap();
        let entry = chats.enter("o2", &card).unwrap();
        assert_eq!((entry.scene, entry.share_ticket), (1007, None));
        assert!(chats.entered_chat("o2").unwrap().id.starts_with('s'));
        assert!(chats.enter("o3", &card).is_none());
        assert!(chats.share("us", ChatType::Group, "o1", "pages/a").is_none());
    }

    #[test]
    fn a_user_who_left_is_not_in_the_chat_until_entering_again() {
        let mut chats = Chats::default();
        let card = chats.share("family", ChatType::WeComGroup, "o1", "pages/a").unwrap();
        chats.enter("o1", &card).unwrap();
        assert!(chats.leave("family", "o1"));
        assert!(!chats.leave("family", "o1"));
        assert_eq!(chats.entered_chat("o1"), Err(ChatRefusal::Left));
        chats.enter("o1", &card).unwrap();
        assert!(chats.entered_chat("o1").is_ok());
    }
}
