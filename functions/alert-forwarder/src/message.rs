//! The types of a message as Discord's API takes it, and its limits.

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

/// How much of a message is still sent after Discord refused more of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Detail {
    /// Everything.
    Full,
    /// Without images; the same as [`Detail::Full`] for a message that has none.
    NoImage,
    /// Title and text; the fields are in the attachment.
    NoFields,
    /// Content only, no embed and no attachment.
    Plain,
}

impl Detail {
    /// The next try after a refusal, if there is less to send.
    pub const fn less(self, has_image: bool) -> Option<Self> {
        match self {
            Self::Full if has_image => Some(Self::NoImage),
            Self::Full | Self::NoImage => Some(Self::NoFields),
            Self::NoFields => Some(Self::Plain),
            Self::Plain => None,
        }
    }

    /// The step's name in the log.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::NoImage => "no-image",
            Self::NoFields => "no-fields",
            Self::Plain => "plain",
        }
    }
}

/// A message, ready to be sent or to replace one that was sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The JSON part.
    pub payload: Payload,
    /// The files, in the order of the payload's `attachments`.
    pub files: Vec<File>,
}

impl Message {
    /// Whether a file of it is an image.
    pub(crate) fn has_image(&self) -> bool {
        self.files
            .iter()
            .any(|file| file.content_type.starts_with("image/"))
    }
}

/// A file beside the message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct File {
    /// Its name, which is ours.
    pub name: &'static str,
    /// Its media type.
    pub content_type: &'static str,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// The body of "execute webhook" and of "edit webhook message".
///
/// `allowed_mentions` is no option: without it Discord obeys every mention in
/// the content, on an edit as well.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Payload {
    /// Mentions, or everything if all else was refused.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub content: String,
    /// At most one.
    pub embeds: Vec<Embed>,
    /// Whom the content may mention.
    pub allowed_mentions: AllowedMentions,
    /// Which files belong to it.
    pub attachments: Vec<Attachment>,
}

/// Discord's filter for mentions.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct AllowedMentions {
    /// Always empty: no class of mentions is obeyed.
    pub(crate) parse: [&'static str; 0],
    /// The roles that the content names on purpose.
    pub(crate) roles: Vec<String>,
}

/// A reference from the payload to a file of the same request.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Attachment {
    /// The `n` of `files[n]`.
    pub(crate) id: usize,
    /// The file's name.
    pub(crate) filename: &'static str,
}

/// Discord's embed.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Embed {
    /// What broke.
    pub title: String,
    /// The console's page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The bar at the left.
    pub color: u32,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// Facts.
    pub fields: Vec<EmbedField>,
    /// Small print.
    pub footer: Footer,
}

/// A fact as Discord takes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct EmbedField {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Whether it may stand beside others.
    pub inline: bool,
}

/// The embed's small print.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Footer {
    /// Its text.
    pub text: String,
}
