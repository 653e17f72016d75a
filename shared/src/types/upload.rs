//! What users upload: kinds, media types, and the keys of objects in the bucket.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::UserId;

/// What an upload is for. It decides how large it may be and which media types it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadKind {
    /// A voice or another sound.
    Audio,
    /// The picture of a user.
    Avatar,
    /// Any other picture.
    Image,
}

/// A media type that an upload may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaType {
    name: &'static str,
    extension: &'static str,
}

impl UploadKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Audio, Self::Avatar, Self::Image];

    /// The kind with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Its name in requests and in keys.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Avatar => "avatar",
            Self::Image => "image",
        }
    }

    /// The largest upload of this kind, in bytes. `wx.uploadFile` sends no file over 10 MB.
    #[must_use]
    pub const fn max_bytes(self) -> u64 {
        match self {
            Self::Avatar => 1024 * 1024,
            Self::Audio | Self::Image => 10 * 1024 * 1024,
        }
    }

    /// The media types that an upload of this kind may have. WeChat documents the formats that its content check reads as file name
    /// extensions; these are their usual media types.
    #[must_use]
    pub const fn media_types(self) -> &'static [MediaType] {
        match self {
            Self::Audio => &AUDIO,
            Self::Avatar => &AVATAR,
            Self::Image => &IMAGE,
        }
    }

    /// The media type `name`, if uploads of this kind may have it.
    #[must_use]
    pub fn media_type(self, name: &str) -> Option<MediaType> {
        self.media_types().iter().copied().find(|media_type| media_type.name == name)
    }
}

impl MediaType {
    const fn new(name: &'static str, extension: &'static str) -> Self {
        Self { name, extension }
    }

    /// Its name, such as `image/jpeg`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }
}

const AUDIO: [MediaType; 4] = [
    MediaType::new("audio/mpeg", "mp3"),
    MediaType::new("audio/aac", "aac"),
    MediaType::new("audio/flac", "flac"),
    MediaType::new("audio/wav", "wav"),
];
const AVATAR: [MediaType; 2] = [MediaType::new("image/jpeg", "jpg"), MediaType::new("image/png", "png")];
const IMAGE: [MediaType; 4] = [
    MediaType::new("image/jpeg", "jpg"),
    MediaType::new("image/png", "png"),
    MediaType::new("image/gif", "gif"),
    MediaType::new("image/bmp", "bmp"),
];

/// A folder of the bucket, which is what a key begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketFolder {
    /// `avatars/`: pictures that users show, until they are replaced or the user is erased.
    Avatars,
    /// `checked/`: copies that WeChat judges, which nobody can change. The bucket deletes what is 30 days old.
    Checked,
    /// `incoming/`: what phones upload. The bucket deletes what is a day old.
    Incoming,
}

impl BucketFolder {
    /// All folders.
    pub const ALL: [Self; 3] = [Self::Avatars, Self::Checked, Self::Incoming];

    /// Its name, with a `/` at its end.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Avatars => "avatars/",
            Self::Checked => "checked/",
            Self::Incoming => "incoming/",
        }
    }
}

/// The text is not the key of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the key of an upload")]
pub struct ObjectKeyError;

/// The key of an upload in the bucket: `<folder>/<userId>/<kind>-<32 hexadecimal digits>.<extension>`.
///
/// All uploads of a user have one prefix in each folder, so that they can be listed and erased. The key names its owner, so that nobody
/// can use the upload of another user.
#[derive(Clone, PartialEq, Eq)]
pub struct ObjectKey {
    text: String,
    folder: BucketFolder,
    kind: UploadKind,
    extension: &'static str,
    owner: UserId,
}

impl ObjectKey {
    /// The key of a new upload, in [`BucketFolder::Incoming`]. `random` must come from a cryptographically secure source, because it makes the key unguessable.
    #[must_use]
    pub fn new(kind: UploadKind, media_type: MediaType, owner: &UserId, random: [u8; 16]) -> Self {
        let random: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        Self::from_parts(BucketFolder::Incoming, kind, media_type.extension, owner, &random)
    }

    /// The key of a copy of this object in `folder`, with a name of its own. `random` is as in [`ObjectKey::new`].
    #[must_use]
    pub fn copy_in(&self, folder: BucketFolder, random: [u8; 16]) -> Self {
        let random: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        Self::from_parts(folder, self.kind, self.extension, &self.owner, &random)
    }

    /// The key of the same name in `folder`.
    #[must_use]
    pub fn same_name_in(&self, folder: BucketFolder) -> Self {
        let name = self.text.rsplit('/').next().unwrap_or_default();
        Self { text: format!("{}{name}", Self::prefix_in(folder, &self.owner)), folder, ..self.clone() }
    }

    fn from_parts(
        folder: BucketFolder,
        kind: UploadKind,
        extension: &'static str,
        owner: &UserId,
        random: &str,
    ) -> Self {
        let (prefix, kind_name) = (Self::prefix_in(folder, owner), kind.name());
        let text = format!("{prefix}{kind_name}-{random}.{extension}");
        Self { text, folder, kind, extension, owner: owner.clone() }
    }

    /// Reads the text, as a client sends it back. The caller must look at [`ObjectKey::folder`].
    ///
    /// # Errors
    /// [`ObjectKeyError`]: it is no key that this type makes.
    pub fn parse(text: &str) -> Result<Self, ObjectKeyError> {
        Self::read(text).ok_or(ObjectKeyError)
    }

    fn read(text: &str) -> Option<Self> {
        let mut folders = BucketFolder::ALL.into_iter();
        let (folder, rest) = folders.find_map(|folder| Some((folder, text.strip_prefix(folder.name())?)))?;
        let (owner, name) = rest.split_once('/')?;
        let (kind, name) = name.split_once('-')?;
        let (random, extension) = name.split_once('.')?;
        let kind = UploadKind::parse(kind)?;
        let is_hex = random.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let mut extensions = kind.media_types().iter().map(|media_type| media_type.extension);
        let extension = extensions.find(|known| *known == extension)?;
        let owner = UserId::parse(owner).ok()?;
        (random.len() == 32 && is_hex).then(|| Self { text: text.to_owned(), folder, kind, extension, owner })
    }

    /// What the keys of all objects of `owner` in `folder` begin with.
    #[must_use]
    pub fn prefix_in(folder: BucketFolder, owner: &UserId) -> String {
        format!("{}{}/", folder.name(), owner.as_str())
    }

    /// What the keys of all objects of `owner` begin with, in each folder.
    #[must_use]
    pub fn prefixes_of(owner: &UserId) -> [String; 3] {
        BucketFolder::ALL.map(|folder| Self::prefix_in(folder, owner))
    }

    /// Where the object lies.
    #[must_use]
    pub fn folder(&self) -> BucketFolder {
        self.folder
    }

    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What the upload is for.
    #[must_use]
    pub fn kind(&self) -> UploadKind {
        self.kind
    }

    /// Who asked for the upload.
    #[must_use]
    pub fn owner(&self) -> &UserId {
        &self.owner
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectKey({})", self.text)
    }
}

impl<'de> Deserialize<'de> for ObjectKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl Serialize for ObjectKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> UserId {
        UserId::parse("u0123456789abcdef0123456789").unwrap()
    }

    #[test]
    fn a_key_names_owner_and_kind_and_reads_back() {
        for kind in UploadKind::ALL {
            for media_type in kind.media_types() {
                let key = ObjectKey::new(kind, *media_type, &owner(), [7; 16]);
                let copy = key.copy_in(BucketFolder::Checked, [8; 16]);
                let shown = copy.same_name_in(BucketFolder::Avatars);
                let folders = [BucketFolder::Incoming, BucketFolder::Checked, BucketFolder::Avatars];
                for (key, folder) in [key, copy.clone(), shown.clone()].into_iter().zip(folders) {
                    assert!(key.as_str().starts_with(&ObjectKey::prefix_in(folder, &owner())));
                    assert_eq!(ObjectKey::parse(key.as_str()).unwrap(), key);
                    assert_eq!((key.kind(), key.owner(), key.folder()), (kind, &owner(), folder));
                }
                assert_eq!(copy.as_str().strip_prefix("checked"), shown.as_str().strip_prefix("avatars"));
            }
        }
    }

    #[test]
    fn a_text_that_is_no_key_of_an_upload_is_refused() {
        let random = "00112233445566778899aabbccddeeff";
        for text in [
            String::new(),
            format!("kept/u1/avatar-{random}.jpg"),
            format!("incoming/avatar-{random}.jpg"),
            format!("incoming//avatar-{random}.jpg"),
            format!("incoming/u1/../u2/avatar-{random}.jpg"),
            format!("incoming/u1/video-{random}.mp4"),
            format!("incoming/u1/avatar-{random}.gif"),
            format!("incoming/u1/avatar-{random}.jpg.exe"),
            format!("incoming/u1/avatar-{random}"),
            format!("incoming/u1/avatar-{}.jpg", random.to_uppercase()),
            "incoming/u1/avatar-0011.jpg".to_owned(),
        ] {
            assert_eq!(ObjectKey::parse(&text), Err(ObjectKeyError), "{text}");
        }
    }

    #[test]
    fn an_avatar_is_a_small_picture() {
        assert_eq!(UploadKind::Avatar.max_bytes(), 1_048_576);
        assert!(UploadKind::Avatar.media_type("image/gif").is_none());
        assert!(UploadKind::Image.media_type("image/gif").is_some());
        assert!(UploadKind::Image.media_type("image/svg+xml").is_none());
        assert!(UploadKind::Audio.media_type("image/png").is_none());
    }
}
