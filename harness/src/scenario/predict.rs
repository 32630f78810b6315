//! `[[predict]]`: what a participant is asked before a run, and what of the account answers it.

use ledger::{Bound, Counts, Verdict};

use super::{
    fields::{Fields, Placed},
    settings::bound,
};

/// One question that a run answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The question.
    pub question: String,
    /// The variant whose run answers it.
    pub variant: String,
    /// What of that run answers it.
    pub answer: Answer,
    /// What a participant can say.
    pub choices: Vec<Choice>,
}

/// What of a run answers a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// What the judge says.
    Verdict,
    /// A count of the account, by its name.
    Count(String),
}

/// One thing to say, and when it is right.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The words.
    pub says: String,
    /// What has to be found.
    pub is: Found,
}

/// What is found in a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// This verdict.
    Verdict(Verdict),
    /// A count within this.
    Count(Bound),
}

/// A choice is made with one digit.
const MOST_CHOICES: usize = 9;

/// Reads one `[[predict]]`. `variants` are the lab's.
pub fn predict(fields: &mut Fields, variants: &[&str]) -> Option<Prediction> {
    let question = fields.need::<String>("question");
    let variant = fields.need::<String>("variant");
    if let Some(unknown) = variant.as_ref().filter(|variant| !variants.contains(&variant.value.as_str())) {
        let what = format!("the lab has no variant `{}`", unknown.value);
        fields.notes.unknown(&unknown.place, what, &unknown.value, variants.iter().copied());
    }
    let answer = fields.need::<String>("answer").and_then(|word| answer(fields, &word));
    fields.must_have("choices");
    let choices = fields.tables("choices", |fields| choice(fields, answer.as_ref()));
    let place = fields.place_of("choices");
    if fields.has("choices") && !(2..=MOST_CHOICES).contains(&choices.len()) {
        fields.notes.wrong(
            &place,
            format!("there are {} choices", choices.len()),
            format!("2 to {MOST_CHOICES}"),
        );
    }
    Some(Prediction { question: question?.value, variant: variant?.value, answer: answer?, choices })
}

fn answer(fields: &Fields, word: &Placed<String>) -> Option<Answer> {
    match word.value.as_str() {
        "verdict" => Some(Answer::Verdict),
        count if Counts::FIELDS.contains(&count) => Some(Answer::Count(count.to_owned())),
        other => {
            let known = Counts::FIELDS.iter().copied().chain(["verdict"]);
            fields.notes.unknown(&word.place, format!("`answer` is \"{other}\""), other, known);
            None
        }
    }
}

fn choice(fields: &mut Fields, answer: Option<&Answer>) -> Option<Choice> {
    let says = fields.need::<String>("says");
    fields.must_have("is");
    let is = match answer {
        Some(Answer::Verdict) => fields.get::<Verdict>("is").map(|found| Found::Verdict(found.value)),
        Some(Answer::Count(_)) => {
            let found = fields.raw("is");
            found.and_then(|found| bound(fields, "is", &found)).map(Found::Count)
        }
        // What is wrong with the answer was said; the choice cannot be read without it.
        None => {
            fields.allow("is");
            None
        }
    };
    Some(Choice { says: says?.value, is: is? })
}
