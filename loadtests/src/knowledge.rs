//! `knowledge`: a large knowledge base, brought in by the public import and published by a second person, as two members of
//! staff keep it. Measured: a save with its duplicate check, pages of lists with and without filters, and the time from the
//! answer to `publish` until 小申 says the new revision over a citizen's socket.

use std::{cell::RefCell, collections::VecDeque, fmt::Write as _, rc::Rc, time::Duration};

use anyhow::Context as _;
use bangban_domain::{ConversationId, org::CITY, words::Channel};
use bangban_protocol::{Answer, Command, EventBody, ImportReport, Party, ThreadBody};
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::{
    task::spawn_local,
    time::{Instant, sleep},
};

use crate::{
    Common, client::Client, figures::Latencies, http::Http, office::first_citizen, process::Process, source::Source,
};

/// Connections by which the reviewer publishes what was imported.
const AT_ONCE: u32 = 8;

/// Between two questions to 小申: far less than what is measured, and no flood.
const PAUSE: Duration = Duration::from_millis(5);

/// 小申 has to say it within this time, or the run fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// What citizens ask about: names by which the demo's items are found, and their codes.
const ABOUT: [(&str, &str); 25] = [
    ("居住证", "residence-permit"),
    ("居住证签注", "residence-endorse"),
    ("居住证积分", "residence-points"),
    ("人才落户", "talent-hukou"),
    ("户口迁移", "hukou-move"),
    ("身份证", "id-card"),
    ("护照", "passport"),
    ("港澳通行证", "hk-macao-permit"),
    ("失业保险金", "unemployment"),
    ("养老金", "pension-apply"),
    ("社保转移", "pension-transfer"),
    ("社保卡", "social-card"),
    ("工伤认定", "work-injury"),
    ("异地就医备案", "medical-remote"),
    ("医疗费报销", "medical-claim"),
    ("生育津贴", "maternity"),
    ("敬老卡", "senior-card"),
    ("残疾人证", "disability-card"),
    ("公积金租房提取", "fund-rent"),
    ("公积金贷款", "fund-loan"),
    ("房产过户", "estate-transfer"),
    ("公司设立登记", "company-setup"),
    ("企业注销", "company-cancel"),
    ("食品经营许可", "food-license"),
    ("驾驶证", "driver-renew"),
];

const MATTERS: [&str; 20] = [
    "遗失以后怎么补办",
    "需要准备哪些材料",
    "办理要多长时间",
    "在哪个窗口办理",
    "可以委托家人代办吗",
    "怎么预约上门服务",
    "收费标准是多少",
    "到期以后怎么续期",
    "信息填错了怎么更正",
    "审核没有通过怎么办",
    "能不能全程网上办",
    "办理进度在哪里查",
    "证照可以邮寄到家吗",
    "需要本人到场吗",
    "外语材料要翻译吗",
    "怎么撤回已经提交的申请",
    "电子证照怎么下载",
    "跨区可以办理吗",
    "有没有加急办理",
    "对结果不服怎么申诉",
];

const PEOPLE: [&str; 20] = [
    "外省市户籍人员",
    "本市户籍居民",
    "港澳居民",
    "台湾居民",
    "外国人",
    "应届毕业生",
    "留学回国人员",
    "退休人员",
    "退役军人",
    "残疾人",
    "未成年人",
    "新生儿",
    "个体工商户",
    "小微企业",
    "外商投资企业",
    "合作社",
    "行动不便的老人",
    "持永久居留证的人",
    "集体户口的人",
    "多子女家庭",
];

/// What nobody asks an authority about.
const RARE: [&str; 20] = [
    "甲醛封存舱",
    "潮汐观测浮标",
    "陨石取样钻",
    "珊瑚育苗槽",
    "雷达校准塔",
    "冰芯冷藏柜",
    "候鸟环志站",
    "沙丘固定网",
    "地磁记录仪",
    "琥珀扫描台",
    "竹简脱水釜",
    "编钟调音架",
    "蚕种催青箱",
    "卤水蒸发池",
    "窑炉测温锥",
    "皮影幕布机",
    "浑天仪底座",
    "鲸骨拼装架",
    "孢子捕捉器",
    "灯塔透镜组",
];

#[derive(Debug, Args)]
pub(crate) struct Knowledge {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Entries that are imported and published before anything is measured.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    entries: u32,
    /// Saves that are measured.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..))]
    saves: u32,
    /// Rounds over all lists.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Changes that are published and asked for.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    changes: u32,
}

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    command: &'static str,
    entries: u32,
    bytes: usize,
    import_seconds: f64,
    publish_seconds: f64,
    /// From the last publication until 小申 answers from all of them.
    settle_seconds: f64,
    saves: u32,
    /// A draft is written, and the answer has the entries that it is like.
    save_p50_ms: Option<f64>,
    save_p99_ms: Option<f64>,
    /// The same question while somebody still writes.
    check_p50_ms: Option<f64>,
    check_p99_ms: Option<f64>,
    pages: usize,
    list_p50_ms: Option<f64>,
    list_p99_ms: Option<f64>,
    /// The list of which a page took longest, and how long.
    list_slowest: String,
    list_max_ms: f64,
    changes: u32,
    /// From the answer to `publish` until 小申 has said the new revision.
    said_p50_ms: Option<f64>,
    said_max_ms: Option<f64>,
    server_cpu_seconds: f64,
    others_cpu_seconds: f64,
    rss_most_kib: u64,
    /// Was everything as it should be: all rows taken, duplicates found, no list empty?
    clean: bool,
}

impl Report {
    pub(crate) const fn is_clean(&self) -> bool {
        self.clean
    }
}

/// What is read of an entry.
#[derive(Deserialize)]
struct View {
    line: Line,
    #[serde(default)]
    relatives: Vec<Value>,
}

#[derive(Deserialize)]
struct Line {
    id: String,
    version: u64,
}

#[derive(Deserialize)]
struct Page {
    entries: Vec<Line>,
    next: Option<String>,
}

/// The question of an entry, and the item that it is about. Of 10 000 no two are the same.
fn question(n: u32) -> (String, &'static str) {
    let (at, place) = (|of: u32, most: usize| (n / of) as usize % most, (n / 10_000) + 1);
    let (name, item) = ABOUT[at(1, ABOUT.len())];
    let text = format!("{}的{name}{}", PEOPLE[at(500, PEOPLE.len())], MATTERS[at(25, MATTERS.len())]);
    (if place == 1 { text } else { format!("{text}（第{place}种情况）") }, item)
}

/// A question that no other entry is like.
fn rare(n: u32) -> String {
    let (thing, round) = (RARE[n as usize % RARE.len()], n as usize / RARE.len());
    let text = format!("{thing}出现红灯以后向谁报修");
    if round == 0 { text } else { format!("{text}（{round}号机）") }
}

fn content(question: &str, item: &str, answer: &str) -> Value {
    json!({ "question": question, "answer": answer, "items": [item], "audience": "both", "source": "压力测试办公室" })
}

fn answer(question: &str, version: u32) -> String {
    format!(
        "关于“{question}”：请先登录一网通办核对信息，再按提示提交。\n\n- 身份证明\n- 申请表（第{version}版）\n\n材料齐全的当场受理。"
    )
}

/// The file: lines of JSON, each with an id of ours.
fn lines(run: u32, entries: u32, changes: u32) -> String {
    let mut text = String::new();
    let of_number = |n: u32| match n.checked_sub(entries) {
        None => question(n),
        Some(change) => (rare(change), ABOUT[change as usize % ABOUT.len()].1),
    };
    for n in 0..entries + changes {
        let (question, item) = of_number(n);
        let line = json!({ "id": id(run, n), "question": question, "similar": [format!("{question}，请问怎么处理")],
            "answer": answer(&question, 1), "item": item, "audience": "both", "source": "压力测试办公室" });
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{line}");
    }
    text
}

fn id(run: u32, n: u32) -> String {
    format!("load-{run}-{n}")
}

/// Somebody who asks 小申.
struct Asker {
    client: Client,
    conversation: ConversationId,
    asked: u32,
}

impl Asker {
    async fn come(knowledge: &Knowledge, token: &str) -> anyhow::Result<Self> {
        let (mut client, _) = Client::connect(knowledge.common.url, Source(0), None, token).await?;
        let open =
            Command::OpenConversation { item: None, district: None, channel: Channel::Pc, hall: None, ticket: None };
        let Answer::Opened { conversation } = client.ask(open).await? else { anyhow::bail!("not opened") };
        client.join(conversation, None).await?;
        Ok(Self { client, conversation, asked: 0 })
    }

    /// Entry and revision of what 小申 says to a question; `None`: it does not know.
    async fn ask(&mut self, question: &str) -> anyhow::Result<Option<(String, u32)>> {
        self.asked += 1;
        let sent = Command::Send {
            conversation: self.conversation,
            client_id: format!("q{}", self.asked),
            text: question.to_owned(),
            entry: None,
        };
        self.client.forget_events();
        self.client.ask(sent).await?;
        self.client
            .wait("what 小申 says", |event| match event {
                EventBody::Entry { entry } if entry.from == Party::Bot => Some(match &entry.body {
                    ThreadBody::BotAnswer { entry, revision, .. } => Some((entry.clone(), revision.unwrap_or(0))),
                    _ => None,
                }),
                _ => None,
            })
            .await
    }

    /// Asks until 小申 says this revision of the entry.
    async fn until(&mut self, question: &str, entry: &str, revision: u32) -> anyhow::Result<Duration> {
        let began = Instant::now();
        loop {
            let said = self.ask(question).await?;
            if said.as_ref().is_some_and(|(one, no)| one == entry && *no == revision) {
                return Ok(began.elapsed());
            }
            anyhow::ensure!(began.elapsed() < PATIENCE, "小申 says {said:?} instead of revision {revision} of {entry}");
            sleep(PAUSE).await;
        }
    }
}

/// Somebody who keeps the knowledge base.
struct Keeper {
    http: Http,
    token: String,
}

impl Keeper {
    async fn log_in(knowledge: &Knowledge, login: &str) -> anyhow::Result<Self> {
        let mut http = Http::connect(knowledge.common.url).await?;
        let token = http.staff(login).await?.token;
        Ok(Self { http, token })
    }

    /// The server ends a connection by which nothing comes for a while.
    async fn come_back(&mut self, knowledge: &Knowledge) -> anyhow::Result<()> {
        self.http = Http::connect(knowledge.common.url).await?;
        Ok(())
    }

    async fn step(&mut self, id: &str, version: u64, step: &str) -> anyhow::Result<View> {
        let path = format!("/api/knowledge/entries/{id}/steps");
        self.http.tell("POST", &path, &self.token, &json!({ "version": version, "step": step })).await
    }

    async fn save(&mut self, line: &Line, content: Value) -> anyhow::Result<View> {
        let path = format!("/api/knowledge/entries/{}/draft", line.id);
        let body = json!({ "version": line.version, "content": content });
        self.http.tell("PUT", &path, &self.token, &body).await
    }
}

/// All that was imported, published by the second person.
async fn publish(knowledge: &Knowledge, token: &str, run: u32) -> anyhow::Result<()> {
    let all: VecDeque<u32> = (0..knowledge.entries + knowledge.changes).collect();
    let left = Rc::new(RefCell::new(all));
    let mut working = Vec::new();
    for _ in 0..AT_ONCE {
        let http = Http::connect(knowledge.common.url).await?;
        let (mut keeper, left) = (Keeper { http, token: token.to_owned() }, Rc::clone(&left));
        working.push(spawn_local(async move {
            loop {
                let next = left.borrow_mut().pop_front();
                let Some(n) = next else { return anyhow::Ok(()) };
                keeper.step(&id(run, n), 1, "publish").await?;
            }
        }));
    }
    for one in working {
        one.await??;
    }
    Ok(())
}

/// What saves and checks took.
#[derive(Default)]
struct Saves {
    saves: Latencies,
    checks: Latencies,
    /// Was the entry named that each is a duplicate of?
    all_found: bool,
}

async fn save(knowledge: &Knowledge, editor: &mut Keeper) -> anyhow::Result<Saves> {
    let mut seen = Saves { all_found: true, ..Saves::default() };
    for n in 0..knowledge.saves {
        // Spread over what is there.
        let (question, item) = question(n * (knowledge.entries / knowledge.saves).max(1) % knowledge.entries);
        let made: View = editor
            .http
            .tell(
                "POST",
                "/api/knowledge/entries",
                &editor.token,
                &json!({ "unit": CITY, "content": content(&question, item, "另有规定。") }),
            )
            .await?;
        let began = Instant::now();
        let saved = editor.save(&made.line, content(&question, item, &answer(&question, 1))).await?;
        seen.saves.add(began.elapsed());
        seen.all_found &= !saved.relatives.is_empty();
        let began = Instant::now();
        let checked: Vec<Value> = editor
            .http
            .tell(
                "POST",
                "/api/knowledge/check",
                &editor.token,
                &json!({ "id": made.line.id, "content": content(&question, item, &answer(&question, 1)) }),
            )
            .await?;
        seen.checks.add(began.elapsed());
        seen.all_found &= !checked.is_empty();
        editor.step(&saved.line.id, saved.line.version, "discard").await?;
    }
    Ok(seen)
}

/// What people look for in the list.
const LISTS: [&str; 10] = [
    "",
    "state=published",
    "state=draft",
    "open=draft",
    "unit=police",
    "item=company-cancel",
    "origin=import",
    "q=%E9%9A%8F%E7%94%B3%E5%BF%AB%E5%8A%9E",
    "q=%E5%A4%96%E5%9B%BD%E4%BA%BA%20%E6%8A%A4%E7%85%A7",
    "state=published&origin=import&unit=sh&q=%E5%B1%85%E4%BD%8F%E8%AF%81",
];

/// Pages that people turn of one list.
const TURNED: usize = 4;

#[derive(Default)]
struct Lists {
    pages: Latencies,
    read: usize,
    slowest: (Duration, &'static str),
    found: usize,
}

async fn read_lists(knowledge: &Knowledge, editor: &mut Keeper) -> anyhow::Result<Lists> {
    let mut seen = Lists::default();
    for _ in 0..knowledge.rounds {
        for list in LISTS {
            let mut before = None;
            for _ in 0..TURNED {
                let from = before.map(|id| format!("&before={id}")).unwrap_or_default();
                let path = format!("/api/knowledge/entries?{list}{from}").replace("?&", "?");
                let began = Instant::now();
                let page: Page = editor.http.get(&path, &editor.token).await?;
                let took = began.elapsed();
                seen.pages.add(took);
                seen.read += 1;
                seen.found += page.entries.len();
                seen.slowest = seen.slowest.max((took, list));
                before = page.next;
                if before.is_none() {
                    break;
                }
            }
        }
        let began = Instant::now();
        let _: Value = editor.http.get("/api/knowledge/counts", &editor.token).await?;
        seen.pages.add(began.elapsed());
        seen.read += 1;
    }
    Ok(seen)
}

impl Knowledge {
    pub(crate) async fn run(&self) -> anyhow::Result<Report> {
        let server = Process::find(self.common.pid, self.common.url.port())?;
        let run = first_citizen() / 100_000;
        let mut editor = Keeper::log_in(self, "editor1").await?;
        let mut reviewer = Keeper::log_in(self, "super1").await?;
        let file = lines(run, self.entries, self.changes);
        let begin = server.cpu();

        let began = Instant::now();
        let path = "/api/knowledge/import?format=jsonl";
        let report: ImportReport = editor.http.upload(path, &editor.token, file.as_bytes()).await?;
        let import_seconds = began.elapsed().as_secs_f64();
        let bad = report.bad.first().map(|bad| format!("row {}: {} {}", bad.row, bad.field, bad.problem));
        anyhow::ensure!(report.imported, "the file was not taken: {bad:?}");
        eprintln!("{} entries imported", report.new);

        let began = Instant::now();
        publish(self, &reviewer.token, run).await?;
        let publish_seconds = began.elapsed().as_secs_f64();
        editor.come_back(self).await?;
        let token = editor.http.citizen(first_citizen()).await?;
        let mut asker = Asker::come(self, &token).await?;
        let last = self.changes - 1;
        let settled = asker.until(&rare(last), &id(run, self.entries + last), 1).await.context("after the import")?;
        eprintln!("all are published");

        editor.come_back(self).await?;
        let mut saves = save(self, &mut editor).await?;
        let mut lists = read_lists(self, &mut editor).await?;

        let mut said = Latencies::default();
        reviewer.come_back(self).await?;
        for n in 0..self.changes {
            let (question, item) = (rare(n), ABOUT[n as usize % ABOUT.len()].1);
            let line = Line { id: id(run, self.entries + n), version: 2 };
            let draft = editor.save(&line, content(&question, item, &answer(&question, 2))).await?;
            let waiting = editor.step(&line.id, draft.line.version, "submit").await?;
            reviewer.step(&line.id, waiting.line.version, "publish").await?;
            said.add(asker.until(&question, &line.id, 2).await?);
        }
        let used = begin.until(server.cpu());
        let clean = report.new == self.entries + self.changes && saves.all_found && lists.found > 0;
        Ok(Report {
            command: "knowledge",
            entries: self.entries,
            bytes: file.len(),
            import_seconds,
            publish_seconds,
            settle_seconds: settled.as_secs_f64(),
            saves: self.saves,
            save_p50_ms: saves.saves.percentile_ms(0.5),
            save_p99_ms: saves.saves.percentile_ms(0.99),
            check_p50_ms: saves.checks.percentile_ms(0.5),
            check_p99_ms: saves.checks.percentile_ms(0.99),
            pages: lists.read,
            list_p50_ms: lists.pages.percentile_ms(0.5),
            list_p99_ms: lists.pages.percentile_ms(0.99),
            list_slowest: lists.slowest.1.to_owned(),
            list_max_ms: lists.slowest.0.as_secs_f64() * 1e3,
            changes: self.changes,
            said_p50_ms: said.percentile_ms(0.5),
            said_max_ms: said.percentile_ms(1.0),
            server_cpu_seconds: used.server,
            others_cpu_seconds: used.others,
            rss_most_kib: server.peak_rss_kib(),
            clean,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_entries_ask_the_same() {
        let questions: BTreeSet<String> = (0..20_000).map(|n| question(n).0).collect();
        assert_eq!(questions.len(), 20_000);
        assert_eq!(lines(7, 20, 3).lines().count(), 23);
    }
}
