//! Files below a message, in its thread.

use super::pace::Pace;
use crate::{
    chat::{Attachment, Call, ChatAdapter, png},
    id::{MessageRef, Place},
};

/// Pixels per unit of a chart: sharp on dense screens.
const PICTURE_SCALE: f32 = 2.0;

/// Something to be shown as a file.
#[derive(Debug)]
pub(super) enum File {
    Chart { name: String, svg: String, alt: String },
    Text { name: String, text: String, alt: String },
}

/// Shows the files of a message, once its row knows where it stands: a crash in between costs a file, never doubles it.
pub(super) async fn all(adapter: &dyn ChatAdapter, pace: &Pace, message: MessageRef, files: Vec<File>) {
    let thread = thread(message);
    let counted = adapter.buckets(&thread, Call::Upload);
    for file in files {
        let name = file.name().to_owned();
        let shown = match drawn(file).await {
            Ok(file) => {
                let shown = pace.patiently(&counted, || adapter.upload(&thread, &file)).await;
                shown.map_err(anyhow::Error::from)
            }
            Err(error) => Err(error),
        };
        if let Err(error) = shown {
            tracing::info!(file = name, %error, "a file was not shown");
        }
    }
}

/// Where what belongs to a message is told: its own thread, or the one that it stands in.
fn thread(message: MessageRef) -> Place {
    if message.place.thread.is_some() { message.place } else { message.place.in_thread(message.message) }
}

async fn drawn(file: File) -> anyhow::Result<Attachment> {
    Ok(match file {
        File::Chart { name, svg, alt } => {
            let drawing = tokio::task::spawn_blocking(move || png::from_svg(&svg, PICTURE_SCALE));
            Attachment { name, media_type: "image/png".to_owned(), bytes: drawing.await??, alt }
        }
        File::Text { name, text, alt } => {
            Attachment { name, media_type: "text/plain".to_owned(), bytes: text.into_bytes(), alt }
        }
    })
}

impl File {
    fn name(&self) -> &str {
        match self {
            Self::Chart { name, .. } | Self::Text { name, .. } => name,
        }
    }
}
