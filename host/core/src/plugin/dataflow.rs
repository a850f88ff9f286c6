//! Checks that the steps of a pipeline fit together: each input is always written before it is read, and written once.

use super::descriptor::{Descriptor, Input, Output};
use crate::pipeline::StepDefinition;
use std::sync::Arc;

/// Steps that do not fit together, by their names in the pipeline.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDataflow {
    /// A step reads an artifact that no step writes.
    #[error(
        "step {step} reads {artifact}, which no step before it writes: add a step that writes it before {step}, or remove {step}"
    )]
    Missing {
        /// The reading step.
        step: String,
        /// The artifact.
        artifact: String,
    },
    /// A step reads an artifact that only a later step writes.
    #[error("step {step} reads {artifact}, which step {writer} writes after it: put {writer} before {step}")]
    Later {
        /// The reading step.
        step: String,
        /// The artifact.
        artifact: String,
        /// The later step.
        writer: String,
    },
    /// Two steps write the same artifact.
    #[error(
        "steps {first} and {second} both write {artifact}: remove one, or let {second} write another artifact that replaces \
         {artifact}"
    )]
    WrittenTwice {
        /// The earlier step.
        first: String,
        /// The later step.
        second: String,
        /// The artifact.
        artifact: String,
    },
    /// Two steps write artifacts that can have the same name, at least one of them by a pattern.
    #[error(
        "step {first} writes {first_output} and step {second} writes {second_output}, which can be the same file: remove one"
    )]
    MayBeWrittenTwice {
        /// The earlier step.
        first: String,
        /// What it writes.
        first_output: String,
        /// The later step.
        second: String,
        /// What it writes.
        second_output: String,
    },
    /// A required input may be missing because its writer may be skipped or fail.
    #[error("step {step} reads {artifact}, but step {writer} that writes it {why}: {remedy}")]
    MayBeMissing {
        /// The artifact.
        step: String,
        /// What it reads.
        artifact: String,
        /// The step that may not have written it.
        writer: String,
        /// Why it may not have.
        why: &'static str,
        /// How to fix it.
        remedy: String,
    },
    /// A step replaces an artifact that no earlier step writes.
    #[error("step {step} replaces {artifact}, which no step before it writes: name what a step before {step} writes")]
    ReplacesNothing {
        /// The artifact to be replaced.
        step: String,
        /// What it replaces.
        artifact: String,
    },
    /// A step replaces an artifact with one that it does not write.
    #[error("step {step} replaces {artifact} with {replacement}, which {step} does not write: it writes {written}")]
    ReplacementMissing {
        /// The replacing step.
        step: String,
        /// The artifact to be replaced.
        artifact: String,
        /// The replacement.
        replacement: String,
        /// Artifacts that the step writes, separated by commas; `nothing` if there are none.
        written: String,
    },
}

/// A step with its component's descriptor; `None` if the component is not loaded, as may be the case for optional steps.
pub type PlannedStep<'a> = (&'a StepDefinition, Option<Arc<Descriptor>>);

/// Checks steps in order. A step without a descriptor reads and writes nothing.
pub fn check_dataflow(steps: &[PlannedStep<'_>]) -> Result<(), InvalidDataflow> {
    for (place, (step, descriptor)) in steps.iter().enumerate() {
        let (before, after) = (&steps[..place], &steps[place + 1..]);
        if let Some(descriptor) = descriptor {
            for input in descriptor.inputs.iter().filter(|input| input.required) {
                check_input(step, input, before, after)?;
            }
            for output in &descriptor.outputs {
                check_output(step, output, before)?;
            }
        }
        check_replaces(step, descriptor.as_deref(), before)?;
    }
    Ok(())
}

/// Refuses an output that can have the name of an earlier step's. Outputs of one step may: its files replace one another.
fn check_output(step: &StepDefinition, output: &Output, before: &[PlannedStep<'_>]) -> Result<(), InvalidDataflow> {
    let earlier = before.iter().flat_map(|(earlier, descriptor)| {
        descriptor.iter().flat_map(|descriptor| &descriptor.outputs).map(move |output| (earlier, output))
    });
    let mut same = earlier.filter(|(_, earlier)| earlier.name.overlaps(&output.name));
    let Some((first, earlier)) = same.next() else { return Ok(()) };
    let (first, second, artifact) = (first.name.clone(), step.name.clone(), output.name.to_string());
    Err(match output.name == earlier.name {
        true => InvalidDataflow::WrittenTwice { first, second, artifact },
        false => InvalidDataflow::MayBeWrittenTwice {
            first,
            first_output: earlier.name.to_string(),
            second,
            second_output: artifact,
        },
    })
}

/// The step that surely writes an artifact, among these: a pattern need not write any.
fn writer<'a>(steps: &[PlannedStep<'a>], artifact: &str) -> Option<&'a StepDefinition> {
    let writes = |descriptor: &Descriptor| descriptor.outputs.iter().any(|output| output.name.is(artifact));
    let found = steps.iter().find(|(_, descriptor)| descriptor.as_deref().is_some_and(writes));
    found.map(|(step, _)| *step)
}

fn check_input(
    reader: &StepDefinition,
    input: &Input,
    before: &[PlannedStep<'_>],
    after: &[PlannedStep<'_>],
) -> Result<(), InvalidDataflow> {
    let (step, artifact) = (reader.name.clone(), input.name.to_string());
    let Some(before) = writer(before, input.name.as_str()) else {
        return Err(match writer(after, input.name.as_str()) {
            Some(later) => InvalidDataflow::Later { step, artifact, writer: later.name.clone() },
            None => InvalidDataflow::Missing { step, artifact },
        });
    };
    let (name, reads) = (&before.name, &reader.name);
    let (why, remedy) = match () {
        () if before.optional => ("is optional", format!("make {name} not `optional`, or remove {reads}")),
        () if before.fails_softly() => {
            ("may fail without failing the task", format!("set `on_failure` of {name} to something other than skip"))
        }
        () if !reader.when.implies(&before.when) => {
            ("runs only for some documents", format!("give {reads} the same `when` as {name}"))
        }
        () => return Ok(()),
    };
    Err(InvalidDataflow::MayBeMissing { step, artifact, writer: name.clone(), why, remedy })
}

fn check_replaces(
    step: &StepDefinition,
    descriptor: Option<&Descriptor>,
    before: &[PlannedStep<'_>],
) -> Result<(), InvalidDataflow> {
    for (artifact, replacement) in &step.replaces {
        if writer(before, artifact.as_str()).is_none() {
            let (step, artifact) = (step.name.clone(), artifact.to_string());
            return Err(InvalidDataflow::ReplacesNothing { step, artifact });
        }
        let Some(descriptor) = descriptor else { continue };
        let is_written = |output: &Output| output.name.is(replacement.as_str());
        if !descriptor.outputs.iter().any(is_written) {
            let written: Vec<_> = descriptor.outputs.iter().map(|output| output.name.to_string()).collect();
            return Err(InvalidDataflow::ReplacementMissing {
                step: step.name.clone(),
                artifact: artifact.to_string(),
                replacement: replacement.to_string(),
                written: if written.is_empty() { "nothing".to_owned() } else { written.join(", ") },
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JsonObject;
    use crate::pipeline::{Condition, OnFailure, Retries};
    use std::time::Duration;

    /// Descriptor from a short notation: `a` is required, `?a` optional, `>a` an output.
    fn descriptor(files: &str) -> Descriptor {
        let words = || files.split_whitespace();
        let input = |word: &str| {
            let name = word.trim_start_matches('?').parse().unwrap();
            Input { name, required: !word.starts_with('?') }
        };
        let output =
            |word: &str| Output { name: word.parse().unwrap(), media_type: "text/plain".into(), data_key: None };
        Descriptor {
            name: "s".into(),
            version: "1.0.0".into(),
            summary: String::new(),
            inputs: words().filter(|word| !word.starts_with('>')).map(input).collect(),
            outputs: words().filter_map(|word| word.strip_prefix('>')).map(output).collect(),
            capabilities: vec![],
            config_schema: serde_json::json!({}),
            formats: None,
        }
    }

    fn plain(name: &str) -> StepDefinition {
        StepDefinition::plain(name, name, name, 1)
    }

    fn check(steps: &[(StepDefinition, &str)]) -> Result<(), InvalidDataflow> {
        let planned = |(step, files)| (step, Some(Arc::new(descriptor(files))));
        check_dataflow(&steps.iter().map(|(step, files)| planned((step, *files))).collect::<Vec<_>>())
    }

    fn when(media_types: &[&str]) -> Condition {
        Condition::new(media_types.iter().map(|text| text.parse().unwrap()).collect(), JsonObject::new()).unwrap()
    }

    #[test]
    fn an_input_must_be_written_before() {
        let (writer, reader) = ((plain("w"), ">a"), (plain("r"), "a"));
        assert_eq!(check(&[writer.clone(), reader.clone()]), Ok(()));
        let (step, artifact) = ("r".to_owned(), "a".to_owned());
        let later = InvalidDataflow::Later { step: step.clone(), artifact: artifact.clone(), writer: "w".into() };
        assert_eq!(check(&[reader.clone(), writer]), Err(later));
        assert_eq!(check(&[reader]), Err(InvalidDataflow::Missing { step, artifact }));
        assert_eq!(check(&[(plain("r"), "?a")]), Ok(()));
        assert!(check(&[(plain("r"), "a >a")]).is_err(), "its own output is not before it");
    }

    #[test]
    fn a_file_has_one_writer_whatever_the_conditions() {
        for second in [plain("two"), StepDefinition { when: when(&["text/*"]), ..plain("two") }] {
            let text = check(&[(plain("one"), ">a"), (second, ">a")]).unwrap_err().to_string();
            assert!(text.contains("steps one and two both write a"), "{text}");
        }
    }

    #[test]
    fn files_of_a_pattern_have_one_writer_too() {
        for (one, two) in [(">p-*", ">p-1"), (">p-1", ">p-*"), (">p-*", ">*.png"), (">a >p-*", ">b >p-*.png")] {
            let text = check(&[(plain("one"), one), (plain("x"), "?y"), (plain("two"), two)]).unwrap_err().to_string();
            assert!(text.starts_with("step one writes ") && text.contains(" and step two writes "), "{text}");
        }
        let text = check(&[(plain("one"), ">p-*"), (plain("two"), ">p-*")]).unwrap_err().to_string();
        assert!(text.contains("steps one and two both write p-*"), "{text}");
        assert_eq!(check(&[(plain("one"), ">p-*.png"), (plain("two"), ">p-*.jpg >p-.png")]), Ok(()));
        assert_eq!(check(&[(plain("one"), ">p-* >p-1 >*.png")]), Ok(()), "of one step");
    }

    #[test]
    fn a_pattern_writes_no_input_and_no_replacement() {
        let missing = check(&[(plain("w"), ">p-*"), (plain("r"), "p-1")]).unwrap_err();
        assert_eq!(missing, InvalidDataflow::Missing { step: "r".into(), artifact: "p-1".into() });
        assert_eq!(check(&[(plain("w"), ">p-*"), (plain("r"), "?p-1")]), Ok(()));
        let replaces = [("m".parse().unwrap(), "p-1".parse().unwrap())].into();
        let step = StepDefinition { replaces, ..plain("redact") };
        let text = check(&[(plain("w"), ">m"), (step, "m >p-*")]).unwrap_err().to_string();
        assert!(text.contains("it writes p-*"), "{text}");
    }

    #[test]
    fn what_is_read_is_there_for_every_document() {
        let pdf = || StepDefinition { when: when(&["application/pdf"]), ..plain("w") };
        let reader = |when| (StepDefinition { when, ..plain("r") }, "a");
        let skip = || StepDefinition { on_failure: OnFailure::Skip, ..plain("w") };
        let optional = || StepDefinition { optional: true, ..plain("w") };
        let retried = OnFailure::Retry(Retries::new(1, Duration::ZERO).unwrap());
        let retry = || StepDefinition { on_failure: retried, ..plain("w") };
        assert_eq!(check(&[(pdf(), ">a"), reader(when(&["application/pdf"]))]), Ok(()));
        assert_eq!(check(&[(retry(), ">a"), reader(Condition::default())]), Ok(()));
        assert_eq!(check(&[(optional(), ">a"), (plain("r"), "?a")]), Ok(()));
        for (writer, reads, said) in [
            (pdf(), Condition::default(), "the same `when` as w"),
            (pdf(), when(&["application/*"]), "the same `when` as w"),
            (skip(), Condition::default(), "`on_failure` of w"),
            (optional(), Condition::default(), "make w not `optional`"),
            (StepDefinition { when: pdf().when, ..skip() }, pdf().when, "`on_failure` of w"),
            (StepDefinition { when: pdf().when, ..optional() }, pdf().when, "make w not `optional`"),
            (StepDefinition { on_failure: retried, ..optional() }, Condition::default(), "make w not `optional`"),
        ] {
            let text = check(&[(writer, ">a"), reader(reads)]).unwrap_err().to_string();
            assert!(text.starts_with("step r reads a, but step w that writes it ") && text.contains(said), "{text}");
        }
    }

    #[test]
    fn a_replacement_is_written_by_its_step_and_replaces_what_was_written_before() {
        let replacing = |what: &str, by: &str| StepDefinition {
            replaces: [(what.parse().unwrap(), by.parse().unwrap())].into(),
            ..plain("redact")
        };
        assert_eq!(check(&[(plain("w"), ">m"), (replacing("m", "r"), "m >r"), (plain("x"), "m")]), Ok(()));
        let nothing = check(&[(plain("w"), ">m"), (replacing("n", "r"), "m >r")]).unwrap_err();
        assert_eq!(nothing, InvalidDataflow::ReplacesNothing { step: "redact".into(), artifact: "n".into() });
        let text = check(&[(plain("w"), ">m"), (replacing("m", "q"), "m >r >s")]).unwrap_err().to_string();
        assert!(text.contains("replaces m with q") && text.contains("it writes r, s"), "{text}");
        assert!(check(&[(plain("w"), ">m"), (replacing("m", "m"), "m >m")]).is_err(), "two write m");
        let soft = StepDefinition { optional: true, ..replacing("m", "r") };
        assert_eq!(check(&[(plain("w"), ">m"), (soft, "m >r"), (plain("x"), "m")]), Ok(()), "m itself is left");
    }

    #[test]
    fn an_optional_step_that_is_not_loaded_writes_nothing() {
        let (step, reader) = (StepDefinition { optional: true, ..plain("w") }, plain("r"));
        assert_eq!(check_dataflow(&[(&step, None)]), Ok(()));
        let reads = (&reader, Some(Arc::new(descriptor("a"))));
        assert!(matches!(check_dataflow(&[(&step, None), reads]), Err(InvalidDataflow::Missing { .. })));
        let replaces = StepDefinition { replaces: [("m".parse().unwrap(), "r".parse().unwrap())].into(), ..step };
        let writer = plain("x");
        assert_eq!(check_dataflow(&[(&writer, Some(Arc::new(descriptor(">m")))), (&replaces, None)]), Ok(()));
    }
}
