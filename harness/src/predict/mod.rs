//! What a participant expects of a lab: asked before it runs, compared with the account afterwards. There is no stored
//! right answer: what was found in the run says which choice holds.

pub mod ask;
pub mod compare;

use crate::scenario::Prediction;

/// A question that was answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// What a person types to run the variant: "4/slow-worker".
    pub target: String,
    /// The question.
    pub prediction: Prediction,
    /// The choice that was made, from 0.
    pub choice: usize,
}
