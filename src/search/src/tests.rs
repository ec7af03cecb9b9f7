//! Laws of the index on a handful of entries.

use super::*;

fn entry(id: &str, question: &str, similar: &[&str], item: &str) -> Entry {
    Entry {
        id: id.to_owned(),
        question: question.to_owned(),
        similar: similar.iter().map(|s| (*s).to_owned()).collect(),
        answer: format!("{question}的答复"),
        item: item.to_owned(),
        department: "上海市公安局".to_owned(),
        audience: "person".to_owned(),
        source: "办事指南".to_owned(),
        ..Entry::default()
    }
}

fn small() -> Index {
    Index::build(vec![
        entry("permit", "居住证怎么办理?", &["我想办居住证要带啥"], "residence-permit"),
        entry("passport", "护照怎么办理?", &["第一次办护照"], "passport"),
        entry("fund", "租房怎么提取公积金?", &["公积金付房租"], "fund-rent"),
        entry("points", "积分120分是怎么算的?", &["120分怎么凑"], "points"),
        entry("lost-id", "证件丢了怎么补领?", &["身份证遗失补办"], "id-card"),
        entry("lost-licence", "证件丢了怎么补办?", &["驾驶证遗失补办"], "driver"),
    ])
}

fn handed_over(query: &str) -> Option<HandOverReason> {
    match small().decide(query, None) {
        Decision::HandOver { reason } => Some(reason),
        _ => None,
    }
}

#[test]
fn an_exact_question_is_top_and_answered_with_full_confidence() {
    let index = small();
    for wanted in index.entries() {
        for text in std::iter::once(&wanted.question).chain(&wanted.similar) {
            let hits = index.search(text, None, 1);
            assert_eq!(hits[0].entry_in(&index).unwrap().id, wanted.id);
            assert_eq!(index.decide(text, None), Decision::Answer { entry: wanted.id.clone(), confidence: 1.0 });
        }
    }
}

#[test]
fn an_empty_index_finds_nothing_and_hands_over() {
    let index = Index::build(Vec::new());
    assert!(index.is_empty());
    assert_eq!(index.len(), 0);
    assert!(index.entry("permit").is_none());
    assert!(index.search("居住证", None, 5).is_empty());
    assert_eq!(index.decide("居住证怎么办", None), Decision::HandOver { reason: HandOverReason::NotFound });
}

#[test]
fn punctuation_width_case_and_spaces_do_not_matter() {
    let index = small();
    let plain = index.search("积分120分怎么算app", None, 5);
    // Full-width digits, letters and punctuation, written as escapes to survive editors.
    let wide = index.search(
        "\u{3000}积分\u{ff11}\u{ff12}\u{ff10}分,怎么算\u{ff1f}\u{ff21}\u{ff30}\u{ff30}!!\u{3002}",
        None,
        5,
    );
    assert_eq!(plain, wide);
    assert!(!plain.is_empty());
}

#[test]
fn a_message_without_words_is_not_answered() {
    for query in ["", "   ", "\u{ff1f}\u{ff1f}\u{ff01}"] {
        assert_eq!(handed_over(query), Some(HandOverReason::NotFound), "{query:?}");
    }
}

#[test]
fn asking_for_a_person_is_never_answered_from_the_index() {
    for query in [
        "转人工",
        "我要找真人客服",
        "居住证怎么办理?人工",
        "能不能找人跟我讲",
        "侬好,寻个人讲讲闲话好伐",
        "不要机器人,叫个人来",
        "我想跟人说",
        "Human please",
        "can I talk to someone?",
        "I want a real person",
    ] {
        assert_eq!(handed_over(query), Some(HandOverReason::WantsPerson), "{query}");
    }
}

#[test]
fn words_that_merely_contain_a_person_word_do_not_hand_over_as_one() {
    for query in [
        "人工智能企业有补贴吗",
        "人工耳蜗能报销吗",
        "可以找人代办吗",
        "外国人工作许可证怎么办",
        "老板欠农民工个人工资",
        "不用转人工,我再看看",
        "human resources 怎么备案",
    ] {
        assert_ne!(handed_over(query), Some(HandOverReason::WantsPerson), "{query}");
    }
}

#[test]
fn an_emergency_is_recognised_before_anything_else() {
    for query in [
        "救命",
        "大厅着火了转人工",
        "有人晕倒了",
        "要不要打120",
        "快叫 119!",
        "110",
        "我要投诉,我要报警",
        "天然气爆炸了怎么办",
        "厨房闻到燃气味",
        "我活不下去了",
        "老公家暴我",
        "老人困在电梯里",
    ] {
        assert_eq!(handed_over(query), Some(HandOverReason::Emergency), "{query}");
    }
    for query in
        ["报警回执丢了", "急救证怎么考", "燃气报警器要年检吗", "应急救护培训怎么报名", "火灾原因认定", "煤气灶打不着火"]
    {
        assert_ne!(handed_over(query), Some(HandOverReason::Emergency), "{query}");
    }
}

#[test]
fn the_points_score_of_120_is_not_an_emergency() {
    let decision = small().decide("积分120分怎么凑够", None);
    assert!(!matches!(decision, Decision::HandOver { .. }), "{decision:?}");
}

#[test]
fn complaints_and_legal_steps_go_to_a_person() {
    for query in [
        "我要投诉",
        "举报公司不交公积金",
        "我要起诉你们",
        "我找律师了",
        "投诉你们客服",
        "跑了三趟都没人管",
        "窗口踢皮球",
        "物业乱收费",
        "半夜施工扰民",
    ] {
        assert_eq!(handed_over(query), Some(HandOverReason::Complaint), "{query}");
    }
    assert_ne!(handed_over("律师执业证怎么申请"), Some(HandOverReason::Complaint));
}

#[test]
fn small_talk_is_a_greeting_and_a_greeting_before_a_question_is_ignored() {
    let index = small();
    for query in [
        "你好",
        "您好!",
        "hello",
        "Hi~",
        "你好,在吗",
        "谢谢啊",
        "你好小申",
        "侬好",
        "谢谢侬",
        "好的,谢谢",
        "知道了",
        "Thank you!",
        "ok",
    ] {
        assert_eq!(index.decide(query, None), Decision::Greeting, "{query}");
    }
    assert_eq!(
        index.decide("你好,请问护照怎么办理", None),
        Decision::Answer { entry: "passport".to_owned(), confidence: 1.0 }
    );
    assert_ne!(index.decide("history", None), Decision::Greeting);
}

#[test]
fn an_unrelated_question_is_not_found() {
    assert_eq!(handed_over("明天天气晴朗适合爬山"), Some(HandOverReason::NotFound));
}

#[test]
fn the_words_of_asking_alone_never_answer() {
    for query in ["怎么办理", "需要什么材料", "多少钱", "在哪里"] {
        let decision = small().decide(query, None);
        assert!(!matches!(decision, Decision::Answer { .. }), "{query}: {decision:?}");
    }
}

#[test]
fn the_page_item_decides_between_equals_but_does_not_filter() {
    let index = small();
    let top = |query, item| index.search(query, item, 9)[0].entry_in(&index).unwrap().id.clone();
    assert_eq!(top("遗失补办", Some("driver")), "lost-licence");
    assert_eq!(top("遗失补办", Some("id-card")), "lost-id");
    assert_eq!(top("护照怎么办理", Some("fund-rent")), "passport");
}

#[test]
fn the_same_way_of_putting_it_about_another_thing_is_not_answered() {
    let index = Index::build(vec![
        entry("id", "身份证丢了怎么补领?", &["身份证找不到了怎么补办", "身份证掉了补一张"], "id-card"),
        entry("temporary", "急用可以办临时身份证吗?", &["临时身份证几天能拿到"], "id-card"),
        entry("licence", "驾照到期怎么换?", &["驾照快过期了"], "driver"),
    ]);
    // Another thing lost; the same thing, but another action; the state of one's own case.
    for query in ["驾照找不到了怎么补一本", "台胞证找不到了怎么补", "补一张身份证几天能拿到", "身份证几天了还没收到"]
    {
        let decision = index.decide(query, None);
        assert!(!matches!(decision, Decision::Answer { .. }), "{query}: {decision:?}");
    }
    let decision = index.decide("我身份证找不到了怎么补", None);
    assert!(matches!(&decision, Decision::Answer { entry, .. } if entry == "id"), "{decision:?}");
}

#[test]
fn a_question_that_names_another_item_is_offered_not_answered() {
    let entries = || {
        vec![
            entry("enter", "老人想住养老院，怎么申请入住？", &["公办养老院怎么排队"], "nursing-home"),
            entry("hotel", "开旅馆要办哪些许可？", &["开民宿要特行证吗", "特行证多久能拿到"], "hotel"),
        ]
    };
    let name = |item: &str, name: &str| (item.to_owned(), name.to_owned());
    let known = [name("nursing-home", "养老院"), name("nursing-home-setup", "开养老院"), name("homestay", "民宿")];
    let answers = |names: &[(String, String)], query: &str| {
        matches!(Index::with_names(entries(), names).decide(query, None), Decision::Answer { .. })
    };
    assert!(answers(&known[..1], "老人想开养老院，怎么申请入住"), "nobody knows the other item");
    assert!(!answers(&known, "老人想开养老院，怎么申请入住"));
    assert!(answers(&known, "公办的养老院怎么排队"), "its own name");
    assert!(answers(&known, "开民宿要不要特行证"), "another's name, but the entry speaks of it");
}

#[test]
fn a_tie_is_clarified_with_both_entries() {
    let decision = small().decide("证件遗失怎么补办", None);
    let Decision::Clarify { options } = decision else { panic!("a tie must be asked back: {decision:?}") };
    assert_eq!(options.len(), 2);
}

#[test]
fn two_entries_with_the_same_question_are_never_chosen_between() {
    let index = Index::build(vec![entry("a", "犬证怎么办", &[], "dog"), entry("b", "犬证怎么办", &[], "dog")]);
    assert_eq!(index.decide("犬证怎么办", None), Decision::Clarify { options: vec!["a".to_owned(), "b".to_owned()] });
}

#[test]
fn confidence_stays_within_bounds_and_hits_are_sorted_and_limited() {
    let index = small();
    for query in ["居住证", "公积金", "护照护照护照护照", "证件丢了怎么补", "120分"] {
        for item in [None, Some("passport")] {
            let hits = index.search(query, item, 3);
            assert!(hits.len() <= 3);
            assert!(hits.iter().all(|hit| (0.0..=1.0).contains(&hit.confidence)));
            assert!(hits.is_sorted_by(|a, b| a.confidence >= b.confidence), "{query}: {hits:?}");
        }
    }
    assert!(index.search("护照", None, 0).is_empty());
}

#[test]
fn a_hit_of_another_index_resolves_to_nothing_rather_than_panicking() {
    let index = small();
    let hit = Hit { entry: 999, score: 1.0, confidence: 1.0 };
    assert!(hit.entry_in(&index).is_none());
    assert_eq!(index.entry("fund").unwrap().item, "fund-rent");
}

#[test]
fn what_a_text_has_in_common_with_a_query_is_shown_in_utf_16_units() {
    use crate::matched;
    assert_eq!(
        matched("居住证丢了怎么补", "居住证丢失了怎么补办？"),
        [[0, 4], [8, 9]],
        "居住证丢, 补; words of asking are none"
    );
    assert_eq!(matched("补办居住证", "😀居住证如何补办"), [[2, 5], [7, 8]]);
    assert_eq!(matched("ＶＩＳＡ", "visa 签证"), [[0, 4]]);
    assert!(matched("退税", "居住证").is_empty() && matched("", "居住证").is_empty());
}

#[test]
fn a_change_is_found_at_once_and_the_rest_stays_the_same() {
    let index = small();
    let answered = |index: &Index, query: &str| match index.decide(query, None) {
        Decision::Answer { entry, .. } => entry,
        other => format!("{other:?}"),
    };
    let more = index.changed(vec![entry("dog", "犬证怎么办理", &[], "dog")], &[]);
    assert_eq!((more.len(), answered(&more, "犬证怎么办理").as_str()), (7, "dog"));
    assert_ne!(answered(&index, "犬证怎么办理"), "dog", "the old one never changes");
    let other = more.changed(vec![entry("dog", "养犬登记到哪里去", &[], "dog")], &["passport".to_owned()]);
    assert_eq!((other.len(), answered(&other, "养犬登记到哪里去").as_str()), (6, "dog"));
    assert!(other.entry("passport").is_none() && other.entry("permit").is_some());
    assert!(other.search("护照怎么办理", None, 9).iter().all(|hit| hit.entry_in(&other).unwrap().id != "passport"));
    let back = other.changed(vec![entry("passport", "护照怎么办理?", &[], "passport")], &["dog".to_owned()]);
    assert_eq!((back.len(), answered(&back, "护照怎么办理").as_str()), (6, "passport"));
    assert!(back.entry("dog").is_none());
    let mut ids: Vec<&str> = back.entries().map(|entry| entry.id.as_str()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["fund", "lost-id", "lost-licence", "passport", "permit", "points"]);
}

#[test]
fn changes_one_by_one_and_a_new_index_find_the_same() {
    let all: Vec<Entry> =
        (0..400).map(|n| entry(&format!("e{n}"), &format!("第{n}号窗口办理什么事项"), &[], "hall")).collect();
    let mut wanted = all.clone();
    wanted[3] = entry("e3", "三号窗口搬到哪里去了", &[], "hall");
    wanted.remove(5);
    wanted.push(entry("new", "周末也开门的窗口", &[], "hall"));
    let updated = Index::build(all).updated(wanted.clone(), &[]);
    assert_eq!((updated.base.entries.len(), updated.delta.entries.len()), (400, 2), "a delta, not a rebuild");
    let anew = Index::build(wanted);
    for query in ["三号窗口搬走了吗", "周末开门吗", "第7号窗口办理什么事项"] {
        let first = |index: &Index| index.search(query, None, 1)[0].entry_in(index).unwrap().id.clone();
        assert_eq!(first(&updated), first(&anew), "{query}");
    }
}

#[test]
fn what_the_filter_excludes_is_not_even_looked_at() {
    let local = |id: &str, district: &str, audience: &str, from, until| Entry {
        districts: if district.is_empty() { Vec::new() } else { vec![district.to_owned()] },
        audience: audience.to_owned(),
        from,
        until,
        ..entry(id, "养老补贴在哪里申请", &[], "senior")
    };
    let index = Index::build(vec![
        local("city", "", "both", None, None),
        local("xuhui", "xuhui", "person", None, None),
        local("old", "", "both", None, Some(100)),
        local("next", "", "enterprise", Some(200), None),
    ]);
    let found = |filter: Filter<'_>| {
        let hits = index.search_within("养老补贴申请", None, &filter, 9);
        let mut ids: Vec<&str> = hits.iter().map(|hit| hit.entry_in(&index).unwrap().id.as_str()).collect();
        ids.sort_unstable();
        ids.join(" ")
    };
    assert_eq!(found(Filter::default()), "city next old xuhui");
    assert_eq!(found(Filter { district: Some("huangpu"), at: Some(99), ..Filter::default() }), "city old");
    assert_eq!(found(Filter { district: Some("xuhui"), at: Some(100), ..Filter::default() }), "city xuhui");
    assert_eq!(found(Filter { audience: Some("person"), at: Some(200), ..Filter::default() }), "city xuhui");
    assert_eq!(found(Filter { audience: Some("enterprise"), at: Some(200), ..Filter::default() }), "city next");
    assert_eq!(found(Filter { item: Some("dog"), ..Filter::default() }), "");
}

#[test]
fn words_that_say_the_same_find_the_entry() {
    let index = small();
    let first = |query: &str| index.search(query, None, 1)[0].entry_in(&index).unwrap().id.clone();
    assert_eq!(first("局住证哪能弄"), "permit", "a slip, and Shanghainese");
    assert_eq!(first("駕駛證遺失補辦"), "lost-licence", "traditional characters");
    let pairs: Vec<_> = Words::shipped().into_iter().chain([("汪星人".to_owned(), "养犬登记".to_owned())]).collect();
    let entries = vec![entry("a", "养犬登记怎么办理", &[], "dog"), entry("b", "驾驶证补领", &[], "car")];
    let own = Index::worded(entries, &[], &Words::of(&pairs));
    assert_eq!(own.search("汪星人怎么弄", None, 1)[0].entry_in(&own).unwrap().id, "a");
}

#[test]
fn an_explanation_has_what_led_to_the_decision() {
    let index = small();
    let said = index.explain("哪能办居住证", None, 3);
    assert!(said.read_as.contains("怎么") && said.words.contains(&"居住证".to_owned()), "{said:?}");
    // Where something can be done is Mandarin, not the Shanghainese word for how.
    for (asked, read) in
        [("在哪能办居住证", "在哪里能办居住证"), ("居住证去哪能补", "居住证去哪里能补"), ("到哪能拿", "到哪里能拿")]
    {
        assert_eq!(index.explain(asked, None, 1).read_as, read);
    }
    let first = &said.hits[0];
    assert_eq!((first.entry.as_str(), first.features.len()), ("permit", FEATURE_COUNT));
    assert!(first.channels.iter().any(|score| *score > 0.0));
    assert_eq!(first.band, index.model().thresholds.band(first.probability));
    assert_eq!(said.version, index.model().thresholds.version);
}
