//! A file of tests as it is written, and as it is run: which functions are tests, and where each call of `test::` stands.
//!
//! An error that is thrown by a function tells its own place, and what a failed test has to tell is the place of the call. So
//! each call of `test::` is given the number of its place as first argument, and errors of the file itself are told where they
//! stand in what was written.

/// The library's name among scripts: none has it.
pub(crate) const LIBRARY: &str = "picloud:test";

/// What is put before the file. No line's number changes.
const PRELUDE: &str = "import \"picloud:test\" as test; ";

/// How the name of a function begins that is a test.
const TEST: &str = "test_";

/// A line and a column, from 1, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// A file of tests, ready to run.
#[derive(Debug)]
pub(crate) struct TestSource {
    /// What runs, without the call of a test.
    text: String,
    /// Where each call of `test::` stands, in what was written.
    pub(crate) calls: Vec<Place>,
    /// The tests, in the order in which they are written.
    pub(crate) tests: Vec<TestFunction>,
    /// Where something was put in, in what was written, and how many characters.
    inserted: Vec<(Place, u32)>,
}

/// One test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TestFunction {
    pub(crate) name: String,
    pub(crate) place: Place,
}

impl TestSource {
    pub(crate) fn new(written: &str) -> Self {
        let mut scanner = Scanner::new(written);
        scanner.scan();
        let Scanner { out, calls, tests, inserted, .. } = scanner;
        Self { text: out, calls, tests, inserted }
    }

    /// What runs one test.
    pub(crate) fn running(&self, test: &TestFunction) -> String {
        format!("{}\n;{}();", self.text, test.name)
    }

    /// What runs none.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Where something stands that an error tells the place of.
    pub(crate) fn written_at(&self, line: u32, column: u32) -> Place {
        let before = |(place, length): &&(Place, u32)| place.line == line && place.column + length <= column;
        // Each that stands before has moved what follows.
        let mut moved = 0;
        for inserted in self.inserted.iter().filter(|(place, _)| place.line == line) {
            let shifted = (Place { column: inserted.0.column + moved, ..inserted.0 }, inserted.1);
            if before(&&shifted) {
                moved += inserted.1;
            }
        }
        Place { line, column: column.saturating_sub(moved).max(1) }
    }
}

/// What the text is, where the scanner stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Code,
    /// Code of a text in back quotes, with so many braces open.
    Interpolation(u32),
    /// A text in back quotes.
    Template,
}

struct Scanner {
    chars: Vec<char>,
    at: usize,
    place: Place,
    within: Vec<Within>,
    out: String,
    calls: Vec<Place>,
    tests: Vec<TestFunction>,
    inserted: Vec<(Place, u32)>,
}

impl Scanner {
    fn new(written: &str) -> Self {
        let mut scanner = Self {
            chars: written.chars().collect(),
            at: 0,
            place: Place { line: 1, column: 1 },
            within: vec![Within::Code],
            out: String::with_capacity(written.len() + PRELUDE.len()),
            calls: Vec::new(),
            tests: Vec::new(),
            inserted: Vec::new(),
        };
        scanner.insert(PRELUDE);
        scanner
    }

    fn insert(&mut self, text: &str) {
        self.out.push_str(text);
        self.inserted.push((self.place, u32::try_from(text.chars().count()).unwrap_or(0)));
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn starts(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(i, c)| self.peek(i) == Some(c))
    }

    /// Goes over so many characters.
    fn take(&mut self, count: usize) {
        for _ in 0..count {
            let Some(character) = self.peek(0) else { return };
            self.out.push(character);
            self.at += 1;
            if character == '\n' {
                self.place = Place { line: self.place.line + 1, column: 1 };
            } else {
                self.place.column += 1;
            }
        }
    }

    fn take_while(&mut self, goes_on: impl Fn(char) -> bool) {
        while self.peek(0).is_some_and(&goes_on) {
            self.take(1);
        }
    }

    fn scan(&mut self) {
        while let Some(character) = self.peek(0) {
            match self.within.last() {
                Some(Within::Template) => self.template(character),
                Some(_) => self.code(character),
                None => return,
            }
        }
    }

    fn template(&mut self, character: char) {
        if character == '`' {
            self.within.pop();
            self.take(1);
        } else if self.starts("${") {
            self.within.push(Within::Interpolation(0));
            self.take(2);
        } else {
            self.take(if character == '\\' { 2 } else { 1 });
        }
    }

    fn code(&mut self, character: char) {
        match character {
            '/' if self.starts("//") => self.take_while(|c| c != '\n'),
            '/' if self.starts("/*") => self.block_comment(),
            '"' => self.quoted('"'),
            '\'' => self.quoted('\''),
            '#' if matches!(self.peek(1), Some('"' | '#')) => self.raw(),
            '`' => {
                self.within.push(Within::Template);
                self.take(1);
            }
            '{' | '}' => self.brace(character),
            c if is_identifier(c) => self.word(),
            _ => self.take(1),
        }
    }

    fn brace(&mut self, character: char) {
        if let Some(Within::Interpolation(open)) = self.within.last_mut() {
            match (character, *open) {
                ('{', _) => *open += 1,
                (_, 0) => drop(self.within.pop()),
                _ => *open -= 1,
            }
        }
        self.take(1);
    }

    fn quoted(&mut self, quote: char) {
        self.take(1);
        while let Some(character) = self.peek(0) {
            self.take(if character == '\\' { 2 } else { 1 });
            if character == quote {
                return;
            }
        }
    }

    /// A text such as `#"…"#`, with any number of the signs.
    fn raw(&mut self) {
        let hashes = (0..).take_while(|&i| self.peek(i) == Some('#')).count();
        if self.peek(hashes) != Some('"') {
            return self.take(1);
        }
        self.take(hashes + 1);
        let end: String = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
        while self.peek(0).is_some() && !self.starts(&end) {
            self.take(1);
        }
        self.take(hashes + 1);
    }

    /// They lie within each other.
    fn block_comment(&mut self) {
        let mut open = 0;
        while self.peek(0).is_some() {
            if self.starts("/*") {
                open += 1;
                self.take(2);
            } else if self.starts("*/") {
                open -= 1;
                self.take(2);
                if open == 0 {
                    return;
                }
            } else {
                self.take(1);
            }
        }
    }

    fn word(&mut self) {
        let start = self.at;
        let place = self.place;
        self.take_while(is_identifier);
        let word: String = self.chars[start..self.at].iter().collect();
        let follows_path = self.chars[..start].ends_with(&[':', ':']) || self.chars[..start].ends_with(&['.']);
        match word.as_str() {
            "test" if !follows_path && self.starts("::") => self.call(place),
            "fn" => self.function(),
            _ => {}
        }
    }

    /// Behind `test`.
    fn call(&mut self, place: Place) {
        self.take(2);
        self.take_while(is_identifier);
        self.take_while(char::is_whitespace);
        if self.peek(0) != Some('(') {
            return;
        }
        self.take(1);
        let more = self.chars[self.at..].iter().find(|c| !c.is_whitespace()).is_some_and(|c| *c != ')');
        let number = self.calls.len();
        self.insert(&if more { format!("{number}, ") } else { number.to_string() });
        self.calls.push(place);
    }

    /// Behind `fn`.
    fn function(&mut self) {
        self.take_while(char::is_whitespace);
        let (start, place) = (self.at, self.place);
        self.take_while(is_identifier);
        let name: String = self.chars[start..self.at].iter().collect();
        let behind: String = self.chars[self.at..].iter().filter(|c| !c.is_whitespace()).take(2).collect();
        if name.starts_with(TEST) && behind == "()" {
            self.tests.push(TestFunction { name, place });
        }
    }
}

fn is_identifier(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_is_given_its_place_and_nothing_else_changes() {
        let written = "fn test_a() {\n    let r = test::get(\"/x\"); test::deliver( );\n}\n";
        let source = TestSource::new(written);
        let runs = "fn test_a() {\n    let r = test::get(0, \"/x\"); test::deliver(1 );\n}\n";
        assert_eq!(source.text(), format!("{PRELUDE}{runs}"));
        assert_eq!(source.calls, [Place { line: 2, column: 13 }, Place { line: 2, column: 30 }]);
        let test = &source.tests[0];
        assert_eq!((test.name.as_str(), test.place), ("test_a", Place { line: 1, column: 4 }));
        assert!(source.running(test).ends_with("}\n\n;test_a();"));
    }

    #[test]
    fn what_is_no_code_is_left_alone() {
        for text in [
            "// test::get(\"/x\") fn test_x() {}",
            "/* /* test::a() */ fn test_x() {} */",
            "let s = \"test::a() \\\" fn test_x() {}\";",
            "let s = `test::a() \\` fn test_x()`;",
            "let s = #\"test::a() \" fn test_x()\"#;",
            "let s = ##\"test::a() \"# \"##;",
            "my::test::a(); x.test::b(); attest::c(); test;",
            "let c = '\"'; // test::a()",
            "fn test_with(argument) {} fn tests() {} fn testing() {}",
        ] {
            let source = TestSource::new(text);
            assert_eq!(source.text(), format!("{PRELUDE}{text}"));
            assert!(source.calls.is_empty() && source.tests.is_empty(), "{text}");
        }
        let within = "`a ${ if x { test::get(\"/\") } else { `${test::sent()}` } } test::no()`; test::sent()";
        let source = TestSource::new(within);
        assert_eq!(source.calls.len(), 3, "{}", source.text());
        // Whatever is left open ends with the file.
        for open in ["\"", "`", "`${", "/*", "#\"", "'", "fn", "test::", "test::x(", "\\", "`\\"] {
            assert!(TestSource::new(open).text().starts_with(&format!("{PRELUDE}{open}")), "{open}");
        }
    }

    #[test]
    fn places_are_told_as_they_were_written() {
        let source = TestSource::new("let a = 1;\n  test::get(\"/x\") + test::get(\"/y\") + oops\n");
        let at = |line, column| {
            let place = source.written_at(line, column);
            (place.line, place.column)
        };
        let prelude = u32::try_from(PRELUDE.len()).unwrap();
        assert_eq!(at(1, prelude + 5), (1, 5));
        assert_eq!(at(2, 3), (2, 3));
        assert_eq!(at(2, 13 + 3), (2, 13));
        // Behind both.
        let oops = u32::try_from("  test::get(\"/x\") + test::get(\"/y\") + ".len()).unwrap() + 1;
        assert_eq!(at(2, oops + 6), (2, oops));
        assert_eq!(at(3, 1), (3, 1));
    }
}
