//! Sound that carries text: every byte is a stretch of equal samples, so that what was said can be heard.

/// Samples a second.
const RATE: u32 = 16_000;
/// Samples of one byte at speed 1.
const SAMPLES: u32 = 160;
/// Bytes before the samples of a WAV file of ours.
const HEADER: usize = 44;

/// Little-endian 16-bit samples of a text.
pub fn samples(text: &str, speed: f64) -> Vec<u8> {
    let each = ((f64::from(SAMPLES) / speed).round() as usize).max(1);
    let of_byte = |byte: u8| (i16::from(byte) * 64).to_le_bytes().repeat(each);
    text.bytes().flat_map(of_byte).collect()
}

/// Seconds of so many bytes of samples.
pub fn seconds(bytes: usize) -> f64 {
    bytes as f64 / 2.0 / f64::from(RATE)
}

/// The head of a WAV file for so many bytes of samples.
pub fn wav_header(bytes: u32) -> Vec<u8> {
    let mut head = Vec::with_capacity(HEADER);
    head.extend_from_slice(b"RIFF");
    head.extend_from_slice(&bytes.saturating_add(36).to_le_bytes());
    head.extend_from_slice(b"WAVEfmt ");
    head.extend_from_slice(&16_u32.to_le_bytes());
    head.extend_from_slice(&1_u16.to_le_bytes());
    head.extend_from_slice(&1_u16.to_le_bytes());
    head.extend_from_slice(&RATE.to_le_bytes());
    head.extend_from_slice(&(RATE * 2).to_le_bytes());
    head.extend_from_slice(&2_u16.to_le_bytes());
    head.extend_from_slice(&16_u16.to_le_bytes());
    head.extend_from_slice(b"data");
    head.extend_from_slice(&bytes.to_le_bytes());
    head
}

/// What a recording says and how many seconds it has: one of ours at speed 1, or bytes that are a text.
pub fn hear(bytes: &[u8]) -> Option<(String, f64)> {
    if bytes.starts_with(b"RIFF") && bytes.len() >= HEADER {
        let samples = &bytes[HEADER..];
        let stretch = SAMPLES as usize * 2;
        let said = samples.chunks_exact(stretch).map(|part| {
            let sample = i16::from_le_bytes([part[0], part[1]]);
            u8::try_from(sample / 64).unwrap_or(b'?')
        });
        let text = String::from_utf8(said.collect()).ok()?;
        return Some((text, seconds(samples.len())));
    }
    let text = String::from_utf8(bytes.to_vec()).ok()?;
    let lines = text.lines().filter(|line| !line.trim().is_empty()).count();
    Some((text, lines as f64))
}
