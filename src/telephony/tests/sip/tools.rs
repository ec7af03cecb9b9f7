//! Real telephones: `baresip` (package baresip-core) and `sipp` (sip-tester), each a process of its own that ends with its guard.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::desk::SOON;

/// Sound a second.
const RATE: usize = 8_000;

/// A port that is free by UDP and TCP, as is the next.
pub(crate) fn free_port() -> u16 {
    loop {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = socket.local_addr().expect("an address").port();
        let is_free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        if port < 65_000 && is_free(port) && is_free(port + 1) {
            return port;
        }
    }
}

/// Ended by its id when the guard goes.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A softphone with a tone, or silence, in place of a voice.
pub(crate) struct Baresip {
    folder: tempfile::TempDir,
    child: Guard,
    control: SocketAddr,
}

impl Baresip {
    /// `account` are further parameters of its account; `{port}` is its port.
    pub(crate) async fn start(name: &str, tone: Option<f64>, codec: &str, account: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (port, control) = (free_port(), SocketAddr::from((Ipv4Addr::LOCALHOST, free_port())));
        let at = folder.path();
        fs::create_dir(at.join("rec")).expect("a folder");
        fs::write(at.join("voice.wav"), wav(tone)).expect("a file");
        fs::write(at.join("contacts"), "").expect("a file");
        fs::write(
            at.join("accounts"),
            format!("<sip:{name}@{account};audio_codecs={codec}/8000/1\n").replace("{port}", &port.to_string()),
        )
        .expect("a file");
        fs::write(at.join("config"), config(at, port, control)).expect("a file");
        let log = fs::File::create(at.join("log")).expect("a file");
        let child = Command::new("baresip")
            .args(["-4", "-f"])
            .arg(at)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn()
            .expect("baresip is installed (apt-get install baresip-core)");
        let phone = Self { folder, child: Guard(child), control };
        let up = async {
            while TcpStream::connect(control).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(SOON, up).await.is_err() {
            panic!("baresip does not start: {}", phone.log());
        }
        phone
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Says something to it by its module ctrl_tcp (a netstring with JSON).
    pub(crate) async fn command(&self, command: &str, params: &str) {
        let mut stream = TcpStream::connect(self.control).await.expect("it listens");
        let json = format!("{{\"command\":\"{command}\",\"params\":\"{params}\",\"token\":\"t\"}}");
        stream.write_all(format!("{}:{json},", json.len()).as_bytes()).await.expect("it reads");
        let mut answer = vec![0; 4_096];
        let _ = tokio::time::timeout(SOON, stream.read(&mut answer)).await.expect("it answers");
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.child.0.kill().expect("it runs");
    }

    /// Ends it by its signal, so that its recordings are whole, and what it has heard: the samples of its last call.
    pub(crate) fn heard(mut self) -> Vec<i16> {
        let pid = self.child.0.id().to_string();
        Command::new("kill").arg(&pid).status().expect("it can be ended");
        self.child.0.wait().expect("it ends");
        let rec = fs::read_dir(self.folder.path().join("rec")).expect("a folder");
        let mut files: Vec<PathBuf> = rec.filter_map(Result::ok).map(|entry| entry.path()).collect();
        files.retain(|path| path.to_string_lossy().ends_with("dec.wav"));
        files.sort();
        let last = files.pop().unwrap_or_else(|| panic!("nothing was recorded: {}", self.log()));
        let bytes = fs::read(last).expect("a file");
        let data = bytes.windows(4).position(|four| four == b"data").expect("a WAV") + 8;
        bytes[data..].chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect()
    }
}

fn config(at: &Path, port: u16, control: SocketAddr) -> String {
    let modules = ["g711.so", "aufile.so", "aubridge.so", "sndfile.so", "uuid.so"]
        .map(|name| format!("module {name}\n"))
        .concat();
    let at = at.display();
    format!(
        "net_interface 127.0.0.1\npoll_method epoll\nsip_listen 127.0.0.1:{port}\ncall_local_timeout 120\ncall_max_calls 4\n\
         module_path /usr/lib/baresip/modules\n{modules}module_tmp account.so\nmodule_app menu.so\nmodule_app ctrl_tcp.so\n\
         ctrl_tcp_listen {control}\naudio_source aufile,{at}/voice.wav\naudio_player aubridge,sink\naudio_srate 8000\n\
         audio_channels 1\nausrc_srate 8000\nauplay_srate 8000\nausrc_channels 1\nauplay_channels 1\n\
         rtp_ports 36000-40900\nsnd_path {at}/rec\n"
    )
}

/// Two minutes of a sine at -12 dBFS, or of silence.
fn wav(tone: Option<f64>) -> Vec<u8> {
    let samples = RATE * 120;
    let mut bytes = b"RIFF".to_vec();
    let size = u32::try_from(samples * 2).expect("small");
    bytes.extend((size + 36).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16_u32.to_le_bytes());
    bytes.extend(1_u16.to_le_bytes());
    bytes.extend(1_u16.to_le_bytes());
    bytes.extend(8_000_u32.to_le_bytes());
    bytes.extend(16_000_u32.to_le_bytes());
    bytes.extend(2_u16.to_le_bytes());
    bytes.extend(16_u16.to_le_bytes());
    bytes.extend(b"data");
    bytes.extend(size.to_le_bytes());
    for n in 0..samples {
        let angle = tone.map_or(0.0, |hertz| std::f64::consts::TAU * hertz * n as f64 / RATE as f64);
        bytes.extend(((angle.sin() * 32_767.0 * 0.251_19) as i16).to_le_bytes());
    }
    bytes
}

/// How loud a tone is in a second of sound, in dB below the loudest sine (Goertzel's algorithm).
pub(crate) fn level(samples: &[i16], hertz: f64) -> f64 {
    let coefficient = 2.0 * (std::f64::consts::TAU * hertz / RATE as f64).cos();
    let (mut one, mut two) = (0.0, 0.0);
    for sample in samples {
        let zero = f64::from(*sample) / 32_768.0 + coefficient * one - two;
        (two, one) = (one, zero);
    }
    let power = one * one + two * two - coefficient * one * two;
    20.0 * (2.0 * power.max(0.0).sqrt() / samples.len() as f64).max(1e-9).log10()
}

/// The second that ends half a second before the end.
pub(crate) fn last_second(samples: &[i16]) -> &[i16] {
    let end = samples.len().checked_sub(RATE / 2).expect("it was heard long enough");
    &samples[end.checked_sub(RATE).expect("it was heard long enough")..end]
}

/// A scenario of sipp until it is done; whether all of its calls went well.
pub(crate) struct Sipp {
    child: Guard,
    folder: tempfile::TempDir,
    pub(crate) at: SocketAddr,
}

impl Sipp {
    /// With whom to speak; `None`: whoever calls.
    pub(crate) fn start(scenario: &str, to: Option<SocketAddr>, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios").join(format!("{scenario}.xml"));
        let log = fs::File::create(folder.path().join("log")).expect("a file");
        let child = Command::new("sipp")
            .args(to.map(|to| to.to_string()))
            .args(["-i", "127.0.0.1", "-p", &port.to_string(), "-nostdin", "-trace_err", "-timeout", "150", "-sf"])
            .arg(file)
            .args(more)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn()
            .expect("sipp is installed (apt-get install sip-tester)");
        Self { child: Guard(child), folder, at: SocketAddr::from((Ipv4Addr::LOCALHOST, port)) }
    }

    /// Waits until it listens: it answers nothing before. Asked of the system: whoever tries the port takes it away.
    pub(crate) async fn listens(self) -> Self {
        let local = format!(":{:04X} ", self.at.port());
        let up = async {
            while !fs::read_to_string("/proc/net/udp").is_ok_and(|table| table.contains(&local)) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(SOON, up).await.expect("sipp listens");
        self
    }

    /// All of its calls went well.
    pub(crate) async fn went_well(mut self) {
        let waited = tokio::task::spawn_blocking(move || {
            let status = self.child.0.wait();
            (status, self.folder)
        });
        let (status, folder) = waited.await.expect("it is waited for");
        let status = status.expect("it ends");
        let text = |path: PathBuf| fs::read_to_string(path).unwrap_or_default();
        let errors: String = fs::read_dir(folder.path())
            .expect("a folder")
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .filter(|path| path.to_string_lossy().ends_with("errors.log"))
            .map(text)
            .collect();
        assert!(status.success(), "{status}: {errors}");
    }
}
