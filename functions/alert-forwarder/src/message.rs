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
pub(crate) const THREAD_NAME_UNITS_MAX: usize = 100;
pub(crate) const TAGS_MAX: usize = 5;
pub(crate) const BUTTON_LABEL_UNITS_MAX: usize = 80;
pub(crate) const BUTTON_URL_UNITS_MAX: usize = 512;
pub(crate) const BUTTONS_MAX: usize = 5;
/// Discord's filter takes 100 roles, but the mentions of 60 leave just enough of the content for a headline.
pub(crate) const ROLES_MAX: usize = 60;
/// The flag of a message that makes no sound.
/// Source: "Message Flags", Discord developer documentation.
pub(crate) const SUPPRESS_NOTIFICATIONS: u32 = 1 << 12;
/// The largest file that Discord takes.
pub const FILE_BYTES_MAX: usize = 10 * 1024 * 1024;
/// The name of the attached picture of an event.
const PICTURE_NAME: &str = "picture.png";

/// How much of an event a message shows. Discord gets less after it has refused more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Detail {
    /// Everything.
    Full,
    /// Everything but the buttons. Skipped if the message has none.
    NoButtons,
    /// No buttons and no images. Skipped if the message has no image.
    NoImage,
    /// Title and description. The fields are in the attachment.
    NoFields,
    /// Plain content, without embed or attachment.
    Plain,
}

impl Detail {
    /// The next lower detail, to try after a refusal.
    pub const fn less(self, has_buttons: bool, has_image: bool) -> Option<Self> {
        match self {
            Self::Full if has_buttons => Some(Self::NoButtons),
            Self::Full | Self::NoButtons if has_image => Some(Self::NoImage),
            Self::Full | Self::NoButtons | Self::NoImage => Some(Self::NoFields),
            Self::NoFields => Some(Self::Plain),
            Self::Plain => None,
        }
    }

    /// The name in the log.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::NoButtons => "no-buttons",
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

    /// The next lower detail after a refusal of this message in a detail.
    pub(crate) fn less(&self, detail: Detail) -> Option<Detail> {
        detail.less(!self.payload.components.is_empty(), self.has_image())
    }

    /// Attaches a file.
    pub(crate) fn attach(&mut self, file: File) {
        self.payload.attachments.push(Attachment {
            id: self.files.len(),
            filename: file.name,
        });
        self.files.push(file);
    }

    /// The message as an edit of a posted one. An edit can change neither the sound nor the thread.
    /// Source: "Edit Webhook Message", Discord developer documentation.
    pub(crate) fn into_edit(mut self) -> Self {
        self.payload.flags = 0;
        self.payload.thread_name = None;
        self.payload.applied_tags = Vec::new();
        self
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

impl File {
    /// The picture of an event.
    pub(crate) fn picture(png: &[u8]) -> Self {
        Self {
            name: PICTURE_NAME,
            content_type: "image/png",
            bytes: png.to_owned(),
        }
    }
}

/// The body of "execute webhook" and of "edit webhook message".
///
/// `allowed_mentions` is always there: without it, Discord obeys every mention in the content, also in
/// an edit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Payload {
    /// Mentions and the headline; in [`Detail::Plain`] all of the text.
    pub content: String,
    /// One embed, or none in [`Detail::Plain`].
    pub embeds: Vec<Embed>,
    /// Whom the content may mention.
    pub allowed_mentions: AllowedMentions,
    /// The attached files.
    pub attachments: Vec<Attachment>,
    /// The rows of buttons. Always there, so that an edit removes the buttons that it does not list.
    pub components: Vec<ActionRow>,
    /// [`SUPPRESS_NOTIFICATIONS`] or nothing.
    #[serde(skip_serializing_if = "is_zero")]
    pub flags: u32,
    /// The name of the thread that the message begins in a forum.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_name: Option<String>,
    /// The tags of that thread.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub applied_tags: Vec<String>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
const fn is_zero(flags: &u32) -> bool {
    *flags == 0
}

/// A row of buttons.
/// Source: "Component Reference", Discord developer documentation.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct ActionRow {
    /// 1.
    r#type: u8,
    /// The buttons.
    pub components: Vec<Button>,
}

impl ActionRow {
    pub(crate) const fn new(components: Vec<Button>) -> Self {
        Self {
            r#type: 1,
            components,
        }
    }
}

/// A button that opens a page.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Button {
    /// 2.
    r#type: u8,
    /// 5: a link.
    style: u8,
    /// Its text.
    pub label: String,
    /// The page.
    pub url: String,
}

impl Button {
    pub(crate) const fn link(label: String, url: String) -> Self {
        Self {
            r#type: 2,
            style: 5,
            label,
            url,
        }
    }
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
    /// The picture under the facts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// Severity and source.
    pub footer: Footer,
}

/// The image of an embed.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Image {
    /// Its address.
    pub url: String,
}

impl Image {
    /// An attached file of the same message. Discord then shows the file in the embed only.
    /// Source: "Using Attachments within Embeds", Discord developer documentation.
    pub(crate) fn attached(file: &File) -> Self {
        Self {
            url: format!("attachment://{}", file.name),
        }
    }
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
