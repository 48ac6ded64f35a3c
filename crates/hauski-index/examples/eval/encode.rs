//! Vectors from `hauski-embed encode`: a JSON string a line in, a vector a line out (base64 of little-endian floats). They are
//! kept beside the collection, so that the model runs once.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Fault;
use super::collection::Collection;

/// The program and the folder of its model.
pub(super) struct Encoder {
    pub(super) program: PathBuf,
    pub(super) model: PathBuf,
}

impl Encoder {
    /// Writes `vectors/` for a collection that has none.
    pub(super) fn fill(&self, collection: &Collection) -> Result<(), Fault> {
        let folder = collection.folder.join("vectors");
        if folder.is_dir() {
            return Ok(());
        }
        let unfinished = collection.folder.join("vectors.unfinished");
        std::fs::create_dir_all(&unfinished)?;
        let passages = collection.passages.iter().map(|passage| {
            let text = format!("{} {}", passage.title, passage.text);
            (&passage.id, text.trim().to_owned())
        });
        self.encode(passages, &unfinished.join("corpus.jsonl"))?;
        let questions =
            collection.questions.iter().map(|question| (&question.id, question.text.clone()));
        self.encode(questions, &unfinished.join("queries.jsonl"))?;
        Ok(std::fs::rename(unfinished, folder)?)
    }

    fn encode<'a>(
        &self,
        texts: impl Iterator<Item = (&'a String, String)>,
        to: &Path,
    ) -> Result<(), Fault> {
        let mut ids = Vec::new();
        let mut input = BufWriter::new(tempfile::tempfile()?);
        for (id, text) in texts {
            serde_json::to_writer(&mut input, &text)?;
            input.write_all(b"\n")?;
            ids.push(id);
        }
        let mut input = input.into_inner()?;
        input.rewind()?;
        #[expect(clippy::disallowed_methods, reason = "the vectors come from the worker")]
        let mut child = Command::new(&self.program)
            .arg("encode")
            .arg(&self.model)
            .stdin(Stdio::from(input))
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("the worker has no output")?;
        let mut out = BufWriter::new(File::create(to)?);
        let mut count = 0;
        for (line, id) in BufReader::new(output).lines().zip(&ids) {
            let bytes = STANDARD.decode(line?.trim())?;
            let vector: Vec<f32> = bytes
                .chunks_exact(4)
                .map(|four| f32::from_le_bytes(four.try_into().unwrap_or_default()))
                .collect();
            serde_json::to_writer(&mut out, &serde_json::json!({ "_id": id, "vector": vector }))?;
            out.write_all(b"\n")?;
            count += 1;
        }
        out.flush()?;
        if !child.wait()?.success() || count != ids.len() {
            return Err(format!(
                "{} gave {count} vectors for {} texts",
                self.program.display(),
                ids.len()
            )
            .into());
        }
        Ok(())
    }
}
