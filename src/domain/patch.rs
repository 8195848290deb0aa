//! A partial change: what is left out stays as it is.

/// What shall become of one field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It shall be empty.
    Clear,
    /// It shall be this.
    Set(T),
}

impl<T> Patch<T> {
    /// Whether anything is asked for.
    pub fn is_asked_for(&self) -> bool {
        !matches!(self, Self::Keep)
    }
}

impl<T> Patch<T> {
    /// The same change of something made from the value.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(make(value)),
        }
    }
}

impl Patch<String> {
    /// The text that it comes to, where the empty text stands for nothing.
    pub fn over(self, current: &str) -> String {
        match self {
            Self::Keep => current.to_owned(),
            Self::Clear => String::new(),
            Self::Set(text) => text,
        }
    }
}
