//! A text as the finders read it: one letter after the other, full-width and other forms of digits as plain ones.

use std::ops::Range;

/// Digits written as Chinese numerals count only in runs that are as long as a telephone number: 二〇二六年 is a year.
pub(super) const CHINESE_RUN: usize = 11;

/// See the module. Letters are named by their index; [`Letters::bytes`] gives their place in the text.
pub(super) struct Letters {
    letters: Vec<char>,
    /// Where each begins, and the end of the text.
    at: Vec<usize>,
    /// How often a letter was looked at: the work that was done.
    #[cfg(test)]
    looks: std::cell::Cell<u64>,
}

impl Letters {
    pub(super) fn of(text: &str) -> Self {
        let (mut letters, mut at) = (Vec::with_capacity(text.len()), Vec::with_capacity(text.len() + 1));
        for (place, letter) in text.char_indices() {
            letters.push(plain(letter));
            at.push(place);
        }
        at.push(text.len());
        let mut this = Self {
            letters,
            at,
            #[cfg(test)]
            looks: std::cell::Cell::default(),
        };
        this.read_chinese_digits();
        this
    }

    /// 一三八零零一三八零零零 is a telephone number too.
    fn read_chinese_digits(&mut self) {
        let mut from = 0;
        while from < self.len() {
            let length = self.letters[from..].iter().take_while(|letter| chinese_digit(**letter).is_some()).count();
            if length >= CHINESE_RUN {
                for letter in &mut self.letters[from..from + length] {
                    *letter = chinese_digit(*letter).unwrap_or(*letter);
                }
            }
            from += length + 1;
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.letters.len()
    }

    /// A letter; NUL before the first and behind the last one.
    pub(super) fn get(&self, index: usize) -> char {
        self.look(1);
        self.letters.get(index).copied().unwrap_or('\0')
    }

    /// The letter before.
    pub(super) fn before(&self, index: usize) -> char {
        index.checked_sub(1).map_or('\0', |index| self.get(index))
    }

    pub(super) fn slice(&self, range: Range<usize>) -> &[char] {
        self.look(range.len());
        &self.letters[range]
    }

    pub(super) fn text(&self, range: Range<usize>) -> String {
        self.letters[range].iter().collect()
    }

    /// Does this text stand there?
    pub(super) fn has(&self, index: usize, text: &str) -> bool {
        text.chars().enumerate().all(|(offset, letter)| self.get(index + offset) == letter)
    }

    pub(super) fn bytes(&self, range: Range<usize>) -> Range<usize> {
        self.at[range.start]..self.at[range.end]
    }

    /// Behind at most `most` letters from `index` on for which `is_part` holds.
    pub(super) fn run(&self, index: usize, most: usize, is_part: impl Fn(char) -> bool) -> usize {
        let end = index.saturating_add(most).min(self.len());
        let count = self.letters[index.min(end)..end].iter().take_while(|letter| is_part(**letter)).count();
        self.look(count + 1);
        index + count
    }

    #[cfg(test)]
    fn look(&self, count: usize) {
        self.looks.set(self.looks.get() + count as u64);
    }

    #[cfg(not(test))]
    #[inline]
    const fn look(&self, _: usize) {
        // Only tests count.
    }

    #[cfg(test)]
    pub(super) const fn looks(&self) -> u64 {
        self.looks.get()
    }
}

/// Full-width, Arabic and mathematical forms as plain ones.
pub(crate) fn plain(letter: char) -> char {
    let number = u32::from(letter);
    let plain = match number {
        0..=0x7F => return letter,
        0xFF01..=0xFF5E => number - 0xFEE0,
        0x0660..=0x0669 => number - 0x0660 + 0x30,
        0x06F0..=0x06F9 => number - 0x06F0 + 0x30,
        0x1_D7CE..=0x1_D7FF => (number - 0x1_D7CE) % 10 + 0x30,
        0x3000 | 0xA0 => 0x20,
        _ => return letter,
    };
    char::from_u32(plain).unwrap_or(letter)
}

/// A Chinese numeral, as in 一百二十号.
pub(super) const fn is_numeral(letter: char) -> bool {
    matches!(
        letter,
        '〇' | '零' | '一' | '二' | '三' | '四' | '五' | '六' | '七' | '八' | '九' | '十' | '百' | '两' | '幺'
    ) || chinese_digit(letter).is_some()
}

/// A Chinese numeral that is read as one digit.
pub(crate) const fn chinese_digit(letter: char) -> Option<char> {
    Some(match letter {
        '〇' | '零' => '0',
        '一' | '幺' | '壹' => '1',
        '二' | '贰' => '2',
        '三' | '叁' => '3',
        '四' | '肆' => '4',
        '五' | '伍' => '5',
        '六' | '陆' => '6',
        '七' | '柒' => '7',
        '八' | '捌' => '8',
        '九' | '玖' => '9',
        _ => return None,
    })
}

/// A Chinese character of running text.
pub(crate) const fn is_han(letter: char) -> bool {
    matches!(letter, '\u{4E00}'..='\u{9FFF}' | '\u{3400}'..='\u{4DBF}' | '〇')
}

/// What people put between the parts of a number, and what can be hidden in it.
pub(super) const fn is_separator(letter: char) -> bool {
    matches!(
        letter,
        ' ' | '-'
            | '.'
            | '_'
            | '('
            | ')'
            | '·'
            | '•'
            | '‐'
            | '‑'
            | '‒'
            | '–'
            | '—'
            | '―'
            | '−'
            | '\t'
            | '\u{AD}'
            | '\u{2000}'..='\u{200F}' | '\u{202F}' | '\u{2060}' | '\u{FEFF}'
    )
}
