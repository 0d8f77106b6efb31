#[derive(Clone)]
pub struct Credentials;
