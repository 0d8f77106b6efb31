//! A page with fields: what a visitor asks the user for, and what came back.

mod html;
mod sent;

pub use sent::Sent;
pub(super) use sent::{BODY_TIME, MAX_BODY, TOKEN_FIELD, from_us};

/// One form. Every text is shown as it is, never as HTML.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form {
    /// Comes back with what is sent, see [`Sent::carries`]: one that nobody can guess, another one
    /// for every form of a link.
    pub token: String,
    /// The heading, and the title of the window: no secret, ever.
    pub title: String,
    /// Paragraphs below the heading.
    pub lead: Vec<String>,
    /// What one has to know before.
    pub warnings: Vec<String>,
    /// Why the last answer could not be taken.
    pub problem: Option<String>,
    /// Label and text: what will be sent, and to whom.
    pub facts: Vec<(String, String)>,
    /// The vendor's page for what is asked.
    pub page: Option<WebLink>,
    pub fields: Vec<Field>,
    pub buttons: Vec<Button>,
}

/// A link to somewhere else. One that is not https or http is not shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebLink {
    pub text: String,
    pub url: String,
}

/// One thing that is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Field {
    /// Under which it comes back, see [`Sent::take`].
    pub name: String,
    pub label: String,
    pub kind: FieldKind,
    /// Where one finds it, and how it looks.
    pub hint: Option<String>,
    /// Shown in the empty field.
    pub example: Option<String>,
    pub page: Option<WebLink>,
    /// What stands in it; a secret's is never shown.
    pub value: String,
    /// Why it could not be taken as it was.
    pub error: Option<String>,
    pub optional: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum FieldKind {
    #[default]
    Text,
    /// Typed unseen, and empty whenever the page is shown.
    Secret,
    /// One of these: value and label.
    Choice(Vec<(String, String)>),
    /// Comes back as `true`, or not at all.
    Flag,
}

/// One way to send the form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    pub name: &'static str,
    pub value: String,
    pub label: String,
    /// More about it, where it is one of several choices.
    pub about: Option<String>,
    pub style: ButtonStyle,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ButtonStyle {
    /// What most people want; Enter in a field presses the first button of a form.
    Primary,
    Plain,
    /// Cannot be undone.
    Danger,
    /// One of several ways, with a text.
    Card,
}

impl Form {
    pub(super) fn html(&self) -> String {
        html::form(self)
    }
}
