//! Speech of citizens to text: who may, what is taken, and that nothing of it is kept.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::support::{PATIENCE, Server};

/// A second of silence at 16 kHz.
fn wav(samples: usize) -> Vec<u8> {
    let size = u32::try_from(samples * 2).unwrap();
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((size + 36).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    for number in [16_u32, 1 << 16 | 1, 16_000, 32_000, 16 << 16 | 2] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(b"data");
    bytes.extend(size.to_le_bytes());
    bytes.resize(44 + samples * 2, 0);
    bytes
}

/// Status and body of a request with bytes as its body.
async fn speak(server: &Server, token: &str, kind: &str, sound: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(&server.address).await.unwrap();
    let head = format!(
        "POST /api/citizen/speech HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\nContent-Type: {kind}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        server.address,
        sound.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(sound).await.unwrap();
    let mut answer = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&answer).into_owned();
    (text[9..12].parse().unwrap(), text)
}

#[tokio::test]
async fn a_citizens_speech_becomes_text_and_what_is_no_speech_is_refused() {
    let server = Server::demo().await;
    let token = server.citizen_token("demo-citizen-1").await.as_str().unwrap().to_owned();
    assert_eq!(server.get("/api/config").await.json()["speech"], true);
    let (status, said) = speak(&server, &token, "audio/wav", &wav(16_000)).await;
    assert_eq!(status, 200, "{said}");
    assert!(said.contains("居住证怎么办理，需要什么材料？（演示识别）"), "{said}");
    assert!(said.to_lowercase().contains("cache-control: no-store"), "{said}");
    for (kind, sound, expected) in
        [("audio/wav", wav(1_600), 400), ("audio/wav", b"<html>".to_vec(), 415), ("audio/webm", wav(16_000), 415)]
    {
        let (status, said) = speak(&server, &token, kind, &sound).await;
        assert_eq!(status, expected, "{kind} {}: {said}", sound.len());
    }
    let staff = server.token("agent1001").await;
    assert_eq!(speak(&server, &staff, "audio/wav", &wav(16_000)).await.0, 403);
    assert_eq!(speak(&server, "nobody", "audio/wav", &wav(16_000)).await.0, 401);
    // Ten at once, then one in six seconds: sooner than they come here.
    let mut spoken = 0;
    loop {
        match speak(&server, &token, "audio/wav", &wav(16_000)).await.0 {
            200 => spoken += 1,
            429 => break,
            other => panic!("{other}"),
        }
        assert!(spoken < 100, "nobody is ever told to wait");
    }
    assert!(!server.log().contains("居住证怎么办理"), "what was said is in no log");
}
