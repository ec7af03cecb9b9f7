//! `baresip`, a telephone that others have written, with a tone in place of a voice and its ears in a file.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{Guard, LOOK, RATE, SOON, free_port, level, wav};

/// Heard, at least (issue 9).
const THERE: f64 = -15.0;
/// Not heard, at most.
const NOT_THERE: f64 = -60.0;
/// How long a voice is, in milliseconds: longer than any test.
const VOICE: usize = 120_000;
/// After what has changed, until it is heard: jitter buffers on both sides, and what was on its way.
const ON_ITS_WAY: usize = RATE * 2 / 5;

/// A softphone with a tone, or silence, in place of a voice. What goes wrong with it ends the test: it is a panic with its log.
pub struct Baresip {
    folder: tempfile::TempDir,
    child: Guard,
    control: SocketAddr,
    /// Where it takes calls by SIP.
    pub at: SocketAddr,
}

impl Baresip {
    /// `account` are further parameters of its account; `{port}` is its port.
    ///
    /// # Panics
    /// If it is not installed or does not start.
    pub async fn start(name: &str, tone: Option<f64>, codec: &str, account: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (port, control) = (free_port(), SocketAddr::from((Ipv4Addr::LOCALHOST, free_port())));
        let at = folder.path();
        fs::create_dir(at.join("rec")).expect("a folder");
        fs::write(at.join("voice.wav"), wav(tone, VOICE)).expect("a file");
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
        let phone = Self { folder, child: Guard(child), control, at: SocketAddr::from((Ipv4Addr::LOCALHOST, port)) };
        let up = async {
            while TcpStream::connect(control).await.is_err() {
                tokio::time::sleep(LOOK).await;
            }
        };
        if timeout(SOON, up).await.is_err() {
            panic!("baresip does not start: {}", phone.log());
        }
        phone
    }

    /// A telephone of an account that needs nobody: others ring it, and it answers by itself.
    ///
    /// # Panics
    /// As [`Baresip::start`].
    pub async fn answering(name: &str, tone: Option<f64>, codec: &str) -> Self {
        Self::start(name, tone, codec, "127.0.0.1:{port};transport=udp>;regint=0;answermode=auto").await
    }

    /// A telephone on a desk: registered at `server`, answers by itself.
    ///
    /// # Panics
    /// As [`Baresip::start`].
    pub async fn registered(user: &str, password: &str, server: SocketAddr, tone: Option<f64>, codec: &str) -> Self {
        let account = format!("{server};transport=udp>;auth_pass={password};regint=60;answermode=auto");
        Self::start(user, tone, codec, &account).await
    }

    /// What it has written.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Says something to it by its module ctrl_tcp (a netstring with JSON).
    ///
    /// # Panics
    /// If it has ended.
    pub async fn command(&self, command: &str, params: &str) {
        let mut stream = TcpStream::connect(self.control).await.expect("it listens");
        let json = format!("{{\"command\":\"{command}\",\"params\":\"{params}\",\"token\":\"t\"}}");
        stream.write_all(format!("{}:{json},", json.len()).as_bytes()).await.expect("it reads");
        let mut answer = vec![0; 4_096];
        let _ = timeout(SOON, stream.read(&mut answer)).await.expect("it answers");
    }

    /// Ends it as a power cut would.
    ///
    /// # Panics
    /// If it has ended by itself.
    pub fn kill(&mut self) {
        self.child.0.kill().expect("it runs");
    }

    /// Ends it by its signal, so that its recordings are whole, and what it has heard: the samples of its last call.
    ///
    /// # Panics
    /// If it has heard nothing.
    #[must_use]
    pub fn heard(mut self) -> Vec<i16> {
        let pid = self.child.0.id().to_string();
        Command::new("kill").arg(&pid).status().expect("it can be ended");
        self.child.0.wait().expect("it ends");
        self.so_far().unwrap_or_else(|| panic!("nothing was recorded: {}", self.log()))
    }

    /// What it has heard so far in its last call; `None`: it has been in none. It writes sound as it comes.
    #[must_use]
    pub fn so_far(&self) -> Option<Vec<i16>> {
        let mut files: Vec<PathBuf> =
            fs::read_dir(self.folder.path().join("rec")).ok()?.flatten().map(|entry| entry.path()).collect();
        files.retain(|path| path.to_string_lossy().ends_with("dec.wav"));
        files.sort();
        let bytes = fs::read(files.pop()?).ok()?;
        let data = bytes.windows(4).position(|four| four == b"data")? + 8;
        let samples = bytes.get(data..)?.chunks_exact(2);
        Some(samples.map(|two| i16::from_le_bytes([two[0], two[1]])).collect())
    }

    /// Waits for a whole second of what it hears from now on.
    ///
    /// # Panics
    /// If nothing comes.
    pub async fn hears(&self) -> Vec<i16> {
        let from = self.so_far().map_or(0, |samples| samples.len()) + ON_ITS_WAY;
        let second = async {
            loop {
                if let Some(second) = self.so_far().and_then(|samples| Some(samples.get(from..from + RATE)?.to_vec())) {
                    return second;
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        timeout(SOON, second).await.unwrap_or_else(|_| panic!("nothing is heard: {}", self.log()))
    }

    /// Waits until it hears these tones as loud as they are said, and none of the others for a whole second. (While a prompt is
    /// spoken, others are softer.)
    ///
    /// # Panics
    /// If that does not come.
    pub async fn hears_exactly(&self, what: &str, tones: &[f64], others: &[f64]) {
        let mut told = String::new();
        let heard = async {
            loop {
                let second = self.hears().await;
                // A machine with too much to do leaves gaps in what is said: a part of the second without one is enough.
                let loudest =
                    |hertz: &f64| second.chunks(RATE / 8).map(|part| level(part, *hertz)).fold(f64::MIN, f64::max);
                let there: Vec<f64> = tones.iter().map(loudest).collect();
                let not_there: Vec<f64> = others.iter().map(|hertz| level(&second, *hertz)).collect();
                if there.iter().all(|level| *level >= THERE) && not_there.iter().all(|level| *level <= NOT_THERE) {
                    return;
                }
                told = format!("{tones:?} at {there:.1?}, {others:?} at {not_there:.1?} dBFS");
            }
        };
        if timeout(SOON, heard).await.is_err() {
            panic!("{what}: heard were {told}");
        }
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
         rtp_ports 26000-29998\nsnd_path {at}/rec\n"
    )
}
