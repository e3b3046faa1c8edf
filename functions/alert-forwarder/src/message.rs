//! A message in the form of Discord's API, and the API's limits.

use serde::Serialize;

// Limits of Discord's API, in UTF-16 code units where they are lengths.
// Source: "Embed limits" and "Execute webhook", Discord developer documentation.
pub(crate) const CONTENT_UNITS_MAX: usize = 2_000;
pub(crate) const TITLE_UNITS_MAX: usize = 256;
pub(crate) const DESCRIPTION_UNITS_MAX: usize = 4_096;
pub(crate) const FIELDS_MAX: usize = 25;
pub(crate) const FIELD_NAME_UNITS_MAX: usize = 256;
pub(crate) const FIELD_VALUE_UNITS_MAX: usize = 1_024;
pub(crate) const FOOTER_UNITS_MAX: usize = 2_048;
pub(crate) const EMBEDS_UNITS_MAX: usize = 6_000;
/// The largest file that Discord takes.
pub const FILE_BYTES_MAX: usize = 10 * 1024 * 1024;

/// How much of an event a message shows. Discord gets less after it has refused more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Detail {
    /// Everything.
    Full,
    /// Everything but images. Skipped if the message has no image.
    NoImage,
    /// Title and description. The fields are in the attachment.
    NoFields,
    /// Plain content, without embed or attachment.
    Plain,
}

impl Detail {
    /// The next lower detail, to try after a refusal.
    pub const fn less(self, has_image: bool) -> Option<Self> {
        match self {
            Self::Full if has_image => Some(Self::NoImage),
            Self::Full | Self::NoImage => Some(Self::NoFields),
            Self::NoFields => Some(Self::Plain),
            Self::Plain => None,
        }
    }

    /// The name in the log.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::NoImage => "no-image",
            Self::NoFields => "no-fields",
            Self::Plain => "plain",
        }
    }
}

/// A message that can be posted, or can replace a posted one.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The JSON part.
    pub payload: Payload,
    /// The files, in the order of the payload's `attachments`.
    pub files: Vec<File>,
}

impl Message {
    /// Whether one of the files is an image.
    pub(crate) fn has_image(&self) -> bool {
        self.files
            .iter()
            .any(|file| file.content_type.starts_with("image/"))
    }
}

/// An attached file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct File {
    /// Its name, which contains no foreign text.
    pub name: &'static str,
    /// Its media type.
    pub content_type: &'static str,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// The body of "execute webhook" and of "edit webhook message".
///
/// `allowed_mentions` is always there: without it, Discord obeys every mention in the content, also in
/// an edit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Payload {
    /// Mentions; in [`Detail::Plain`] all of the text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub content: String,
    /// One embed, or none in [`Detail::Plain`].
    pub embeds: Vec<Embed>,
    /// Whom the content may mention.
    pub allowed_mentions: AllowedMentions,
    /// The attached files.
    pub attachments: Vec<Attachment>,
}

/// Discord's filter for mentions.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct AllowedMentions {
    /// Always empty, so that no `@everyone`, user or role in the text is mentioned.
    pub(crate) parse: [&'static str; 0],
    /// The roles that the content may mention.
    pub(crate) roles: Vec<String>,
}

/// Refers to a file of the same request.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Attachment {
    /// The `n` of the part `files[n]`.
    pub(crate) id: usize,
    /// The file's name.
    pub(crate) filename: &'static str,
}

/// Discord's embed.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Embed {
    /// The state and the event's title.
    pub title: String,
    /// The link of the title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The reason, and the code block.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The colour of the bar at the left: `0xRRGGBB`.
    pub color: u32,
    /// When it happened: ISO 8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// The facts.
    pub fields: Vec<EmbedField>,
    /// Severity and source.
    pub footer: Footer,
}

/// A field of an embed.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct EmbedField {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Whether it may share a row with other fields.
    pub inline: bool,
}

/// The footer of an embed.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Footer {
    /// Its text.
    pub text: String,
}
