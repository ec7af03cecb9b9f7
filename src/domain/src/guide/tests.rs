use proptest::prelude::*;

use super::*;
use crate::{
    knowledge::{PointSubject, ReviewPoint},
    words::CitizenKind,
};

fn choice(code: &str, words: &[&str]) -> Choice {
    let words = words.iter().map(|word| (*word).to_owned()).collect();
    Choice { code: code.to_owned(), label: format!("选 {code}"), words, districts: Vec::new() }
}

fn question(code: &str, about: GuideAbout, choices: Vec<Choice>) -> Question {
    Question { code: code.to_owned(), text: format!("问 {code}？"), help: String::new(), about, choices }
}

fn situation(code: &str, fits: &[(&str, &[&str])]) -> Situation {
    let fit = |(question, choices): &(&str, &[&str])| Fit {
        question: (*question).to_owned(),
        choices: choices.iter().map(|one| (*one).to_owned()).collect(),
    };
    Situation {
        code: code.to_owned(),
        name: format!("情形 {code}"),
        of: String::new(),
        fits: fits.iter().map(fit).collect(),
        conditions: vec!["在本市居住".to_owned()],
        materials: vec![Material { name: "居民身份证".to_owned(), note: "原件".to_owned() }],
        place: "社区事务受理服务中心".to_owned(),
        duration: "当场".to_owned(),
        cost: "不收费".to_owned(),
        link: "https://www.shanghai.gov.cn/".to_owned(),
        source: "办事指南".to_owned(),
    }
}

/// Who asks, what has happened, and only for enterprises: is there a mandate?
fn guide() -> Guide {
    let mut downtown = choice("downtown", &[]);
    downtown.districts = vec!["huangpu".to_owned(), "xuhui".to_owned()];
    Guide {
        questions: vec![
            question("who", GuideAbout::Audience, vec![choice("person", &["本人"]), choice("enterprise", &["公司"])]),
            question("what", GuideAbout::Other, vec![choice("first", &["首次", "第一次"]), choice("lost", &["丢了"])]),
            question("mandate", GuideAbout::Other, vec![choice("yes", &[]), choice("no", &[])]),
            question("district", GuideAbout::District, vec![downtown, choice("else", &[])]),
        ],
        situations: vec![
            situation("person-first", &[("who", &["person"]), ("what", &["first"])]),
            situation(
                "person-lost-downtown",
                &[("who", &["person"]), ("what", &["lost"]), ("district", &["downtown"])],
            ),
            situation("person-lost-else", &[("who", &["person"]), ("what", &["lost"]), ("district", &["else"])]),
            situation("enterprise-mandate", &[("who", &["enterprise"]), ("mandate", &["yes"])]),
            situation("enterprise-none", &[("who", &["enterprise"]), ("mandate", &["no"])]),
        ],
    }
}

fn asked(guide: &Guide, walk: &Walk) -> String {
    match guide.next(&mut walk.clone()) {
        Next::Ask { question, step, most } => format!("{} {step}/{most}", question.code),
        Next::Found(situation) => format!("= {}", situation.code),
        Next::Several(some) => format!("? {}", some.iter().map(|one| &*one.code).collect::<Vec<_>>().join(" ")),
    }
}

#[test]
fn only_what_still_separates_is_asked() {
    let guide = guide();
    guide.check().unwrap();
    let walk = guide.begin(&Facts::default());
    assert_eq!(asked(&guide, &walk), "who 1/4");
    let person = guide.answer(&walk, "person").unwrap();
    assert_eq!(asked(&guide, &person), "what 2/3", "no mandate of a person");
    assert_eq!(asked(&guide, &guide.answer(&person, "first").unwrap()), "= person-first", "wherever they live");
    let lost = guide.answer(&person, "lost").unwrap();
    assert_eq!(asked(&guide, &lost), "district 3/3");
    assert_eq!(asked(&guide, &guide.answer(&lost, "else").unwrap()), "= person-lost-else");
    let enterprise = guide.answer(&walk, "enterprise").unwrap();
    assert_eq!(asked(&guide, &enterprise), "mandate 2/2");
    assert_eq!(guide.answer(&enterprise, "maybe"), Err(Refusal::NoChoice));
}

#[test]
fn what_is_known_is_not_asked_and_words_say_more_than_the_token() {
    let guide = guide();
    let begin = |text, kind, district| guide.begin(&Facts { text, kind, district });
    for (text, kind, district, expected) in [
        ("居住证", Some(CitizenKind::Person), None, "what 1/2"),
        ("居住证丢了怎么办", Some(CitizenKind::Person), None, "district 1/1"),
        ("居住证丢了怎么办", Some(CitizenKind::Person), Some("xuhui"), "= person-lost-downtown"),
        ("居住证丢了怎么办", Some(CitizenKind::Person), Some("pudong"), "= person-lost-else"),
        ("替公司办", Some(CitizenKind::Person), None, "mandate 1/1"),
        ("本人替公司办", None, None, "who 1/4"),
        // Said, but not meant so.
        ("不是第一次，没丢了", Some(CitizenKind::Person), None, "what 1/2"),
        ("办过没？没，第一次", Some(CitizenKind::Person), None, "= person-first"),
    ] {
        let walk = begin(text, kind, district);
        assert_eq!(asked(&guide, &walk), expected, "{text} {kind:?} {district:?}");
    }
}

#[test]
fn a_step_back_asks_again_and_what_was_known_wrongly_can_be_said() {
    let guide = guide();
    let mut walk = guide.begin(&Facts { text: "丢了", kind: Some(CitizenKind::Person), district: None });
    assert_eq!(asked(&guide, &walk), "district 1/1");
    let _ = guide.next(&mut walk);
    let there = guide.answer(&walk, "else").unwrap();
    assert_eq!(asked(&guide, &there), "= person-lost-else");
    let back = guide.back(&there).unwrap();
    assert_eq!(asked(&guide, &back), "district 1/1");
    // What was known is the next to go.
    let mut what = guide.back(&back).unwrap();
    assert_eq!(asked(&guide, &what), "what 1/2");
    let _ = guide.next(&mut what);
    let mut who = guide.back(&what).unwrap();
    assert_eq!(asked(&guide, &who), "who 1/4");
    let _ = guide.next(&mut who);
    assert_eq!(guide.back(&who), Err(Refusal::AtBegin));
    assert_eq!(asked(&guide, &Guide::restart()), "who 1/4");
}

#[test]
fn what_is_skipped_leaves_several_and_says_so() {
    let guide = guide();
    let mut walk = Guide::restart();
    for expected in ["who 1/4", "what 2/4", "mandate 3/4", "district 4/4"] {
        assert_eq!(asked(&guide, &walk), expected);
        walk = guide.skip(&walk).unwrap();
    }
    assert!(asked(&guide, &walk).starts_with("? person-first person-lost-downtown"));
    assert_eq!(guide.skip(&walk), Err(Refusal::NotAsked));
    assert_eq!(guide.answer(&walk, "person"), Err(Refusal::NotAsked));
}

#[test]
fn a_checklist_has_the_review_points_of_item_and_situation() {
    let mut lost = situation("lost", &[]);
    lost.of = "replace".to_owned();
    let point = |situation: &str, subject, name: &str, rule: &str| ReviewPoint {
        item: "residence-permit".to_owned(),
        situation: situation.to_owned(),
        subject,
        name: name.to_owned(),
        rule: rule.to_owned(),
        source: "第三条".to_owned(),
    };
    let points = [
        point("", PointSubject::Material, "居民身份证", "在有效期内"),
        point("replace", PointSubject::Material, "遗失声明", "本人签名"),
        point("first", PointSubject::Material, "租赁合同", "经备案"),
        point("", PointSubject::Condition, "居住登记", "满半年"),
    ];
    let list = Checklist::of(&lost, &points);
    let names = |lines: &[ChecklistLine]| -> Vec<String> {
        lines.iter().map(|line| format!("{}|{}|{}", line.name, line.detail, line.source)).collect()
    };
    assert_eq!(names(&list.materials), ["居民身份证|原件；在有效期内|", "遗失声明|本人签名|第三条"]);
    assert_eq!(names(&list.conditions), ["在本市居住||", "居住登记|满半年|第三条"]);
}

#[test]
fn an_error_names_the_field() {
    type Case = (fn(&mut Guide), &'static str);
    let broken = |change: fn(&mut Guide)| {
        let mut guide = guide();
        change(&mut guide);
        guide.check().unwrap_err().field
    };
    let cases: [Case; 17] = [
        (|guide| guide.questions[1].text.clear(), "questions[1].text"),
        (|guide| guide.questions[1].choices.truncate(1), "questions[1].choices"),
        (|guide| guide.questions[1].code = "who".to_owned(), "questions[1].code"),
        (|guide| guide.questions[0].choices[1].code = "other".to_owned(), "questions[0].choices[1].code"),
        (|guide| guide.questions[1].choices[0].words[0] = "首".to_owned(), "questions[1].choices[0].words[0]"),
        (
            |guide| guide.questions[1].choices[0].districts = vec!["xuhui".to_owned()],
            "questions[1].choices[0].districts",
        ),
        (|guide| guide.questions[3].choices[0].districts.clear(), "questions[3].choices[1].districts"),
        (
            |guide| guide.questions[3].choices[1].districts = vec!["xuhui".to_owned()],
            "questions[3].choices[1].districts[0]",
        ),
        (|guide| guide.situations[0].fits[1].question = "why".to_owned(), "situations[0].fits[1].question"),
        (|guide| guide.situations[0].fits[1].choices = vec!["stolen".to_owned()], "situations[0].fits[1].choices[0]"),
        (|guide| guide.situations[0].link = "https://example.org/".to_owned(), "situations[0].link"),
        (|guide| guide.situations[0].link = "www.shanghai.gov.cn".to_owned(), "situations[0].link"),
        (|guide| guide.situations[0].place.clear(), "situations[0].where"),
        (|guide| guide.situations.clear(), "situations"),
        // Persons who lost it in another district would end where it is another matter.
        (|guide| drop(guide.situations.remove(2)), "situations[1].fits[2]"),
        // Nobody whose it was stolen finds anything.
        (|guide| guide.questions[1].choices.push(choice("stolen", &[])), "questions[1].choices[2]"),
        // Nothing tells these two apart any more.
        (|guide| guide.situations[2].fits[2].choices = vec!["downtown".to_owned()], "situations[2].fits"),
    ];
    for (n, (change, field)) in cases.into_iter().enumerate() {
        assert_eq!(broken(change), field, "case {n}");
    }
    let alike = broken(|guide| {
        guide.situations[1].fits.pop();
        guide.situations[2].fits.pop();
    });
    assert_eq!(alike, "situations[2].fits");
}

/// A guide that asks question `n` at depth `n`: each number says what happens there. Every guide is one that can be published.
fn grown(choices: &[usize], mut numbers: impl Iterator<Item = u8>) -> Guide {
    fn code(n: usize) -> String {
        format!("c{n}")
    }
    fn grow(
        depth: usize,
        path: &[Fit],
        choices: &[usize],
        numbers: &mut dyn Iterator<Item = u8>,
        found: &mut Vec<Vec<Fit>>,
    ) {
        let Some(count) = choices.get(depth) else { return found.push(path.to_vec()) };
        match numbers.next().unwrap_or_default() % 4 {
            0 => found.push(path.to_vec()),
            1 => grow(depth + 1, path, choices, numbers, found),
            number => {
                // Two groups of choices: the first `at`, and the rest.
                let at = 1 + usize::from(number) % (count - 1);
                for group in [0..at, at..*count] {
                    let fit = Fit { question: format!("q{depth}"), choices: group.map(code).collect() };
                    let path: Vec<Fit> = path.iter().cloned().chain([fit]).collect();
                    grow(depth + 1, &path, choices, numbers, found);
                }
            }
        }
    }
    let mut found = Vec::new();
    grow(0, &[], choices, &mut numbers, &mut found);
    let situations =
        found.into_iter().enumerate().map(|(n, fits)| Situation { fits, ..situation(&format!("s{n}"), &[]) });
    let questions = choices.iter().enumerate().map(|(n, count)| {
        let choices = (0..*count).map(|n| choice(&code(n), &[])).collect();
        question(&format!("q{n}"), GuideAbout::Other, choices)
    });
    Guide { questions: questions.collect(), situations: situations.collect() }
}

/// Situations whose fits were drawn blindly: most such guides are refused.
fn drawn(choices: &[usize], fits: &[Vec<Option<u8>>]) -> Guide {
    let mut guide = grown(choices, std::iter::empty());
    let one = |(n, fits): (usize, &Vec<Option<u8>>)| {
        let fits = fits.iter().zip(choices).enumerate().filter_map(|(n, (bits, count))| {
            let bits = bits.as_ref()?;
            let choices: Vec<String> = (0..*count).filter(|n| bits & (1 << n) != 0).map(|n| format!("c{n}")).collect();
            (!choices.is_empty()).then(|| Fit { question: format!("q{n}"), choices })
        });
        Situation { fits: fits.collect(), ..situation(&format!("s{n}"), &[]) }
    };
    guide.situations = fits.iter().enumerate().map(one).collect();
    guide
}

/// The laws, told without the walk's own code: candidates are found by looking at every situation and every answer.
fn check_laws(guide: &Guide, known: &[Fact], steps: &[u8]) -> Result<(), TestCaseError> {
    let mut walk = Walk { given: Vec::new(), known: known.to_vec() };
    let (mut promised, mut has_skipped) = (u32::MAX, false);
    for number in steps {
        let before = guide.next(&mut walk);
        let fits = |one: &Situation, question: &str, choice: &str| {
            one.fits.iter().all(|fit| fit.question != question || fit.choices.iter().any(|code| code == choice))
        };
        let is_left = |one: &&Situation| {
            walk.given.iter().all(|given| given.choice.as_ref().is_none_or(|choice| fits(one, &given.question, choice)))
        };
        let left: Vec<&Situation> = guide.situations.iter().filter(is_left).collect();
        prop_assert!(!left.is_empty(), "nothing is left after {:?}", walk.given);
        let (question, step, most) = match before {
            Next::Found(found) => {
                prop_assert_eq!(left, [found]);
                return Ok(());
            }
            Next::Several(several) => {
                prop_assert!(has_skipped, "several remain although everything was answered");
                prop_assert_eq!(left, several);
                return Ok(());
            }
            Next::Ask { question, step, most } => (question, step, most),
        };
        let by_choice: Vec<Vec<&Situation>> = question
            .choices
            .iter()
            .map(|choice| left.iter().filter(|one| fits(one, &question.code, &choice.code)).copied().collect())
            .collect();
        prop_assert!(by_choice.iter().any(|some| some.len() < left.len()), "{} decides nothing", question.code);
        prop_assert!(by_choice.iter().all(|some| !some.is_empty()), "a choice of {} fits nothing", question.code);
        prop_assert!(step <= most && most <= promised, "step {} of {}, {} were promised", step, most, promised);
        promised = most;
        let next = match usize::from(*number) % (question.choices.len() + 1) {
            0 => {
                has_skipped = true;
                guide.skip(&walk).unwrap()
            }
            n => guide.answer(&walk, &question.choices[n - 1].code).unwrap(),
        };
        let mut back = guide.back(&next).unwrap();
        let _ = guide.next(&mut back);
        prop_assert_eq!(&back, &walk, "a step back is where it was");
        walk = next;
    }
    prop_assert!(steps.len() <= guide.questions.len(), "it does not end");
    Ok(())
}

fn facts(guide: &Guide, numbers: &[u8]) -> Vec<Fact> {
    let fact = |(question, number): (&Question, &u8)| {
        let choice = question.choices.get(usize::from(*number))?;
        Some(Fact { question: question.code.clone(), choice: choice.code.clone() })
    };
    guide.questions.iter().zip(numbers).filter_map(fact).collect()
}

proptest! {
    #[test]
    fn every_walk_through_a_published_guide_keeps_the_laws(
        choices in prop::collection::vec(2_usize..5, 1..5),
        numbers in prop::collection::vec(any::<u8>(), 0..60),
        known in prop::collection::vec(0_u8..12, 5),
        steps in prop::collection::vec(any::<u8>(), 6),
    ) {
        let guide = grown(&choices, numbers.into_iter());
        prop_assert_eq!(guide.check(), Ok(()));
        check_laws(&guide, &facts(&guide, &known), &steps)?;
    }

    #[test]
    fn whatever_the_check_lets_through_keeps_the_laws(
        choices in prop::collection::vec(2_usize..4, 1..4),
        fits in prop::collection::vec(prop::collection::vec(prop::option::of(0_u8..8), 3), 1..5),
        steps in prop::collection::vec(any::<u8>(), 5),
    ) {
        let guide = drawn(&choices, &fits);
        if guide.check().is_ok() {
            check_laws(&guide, &[], &steps)?;
        }
    }
}
