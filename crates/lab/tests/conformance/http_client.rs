//! An HTTP client that takes no answer on trust.

use std::{
    io::{BufRead, BufReader, Read},
    net::TcpStream,
    time::SystemTime,
};

use crate::{client::Client, wait::PATIENCE};

/// A connection over which HTTP is spoken.
#[derive(Debug)]
pub(crate) struct HttpClient {
    pub(crate) client: Client,
    reader: BufReader<TcpStream>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Bytes of all of it.
    pub(crate) bytes: usize,
}

impl HttpClient {
    pub(crate) fn new(client: Client) -> Self {
        let reader = BufReader::new(client.stream.try_clone().expect("a descriptor is free"));
        Self { client, reader }
    }

    #[track_caller]
    pub(crate) fn send(&self, bytes: impl AsRef<[u8]>) {
        self.client.send(bytes);
    }

    /// Sends a GET and reads the answer.
    #[track_caller]
    pub(crate) fn get(&mut self, target: &str) -> Answer {
        self.send(get(target));
        self.answer()
    }

    /// Reads an answer.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> Answer {
        let mut answer = self.head();
        let length = answer.field("content-length").expect("an answer has a length");
        answer.body = vec![0; length.parse().expect("the length is a number")];
        self.reader.read_exact(&mut answer.body).expect("the body is whole");
        answer.bytes += answer.body.len();
        answer
    }

    /// Reads an answer that has no body: to HEAD, or an interim one.
    #[track_caller]
    pub(crate) fn head(&mut self) -> Answer {
        let status_line = self.line();
        let status = status_line
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3))
            .and_then(|digits| digits.parse().ok())
            .unwrap_or_else(|| panic!("not a status line: {status_line:?}"));
        let mut bytes = status_line.len();
        let mut fields = Vec::new();
        loop {
            let line = self.line();
            bytes += line.len();
            if line == "\r\n" {
                let answer = Answer { status, fields, body: Vec::new(), bytes };
                answer.assert_dated();
                return answer;
            }
            let (name, value) = line.split_once(':').expect("a field has a colon");
            fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    #[track_caller]
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).expect("the server answers");
        assert!(line.ends_with("\r\n"), "the answer ends within a head: {line:?}");
        line
    }

    /// Checks that the server closes, with nothing more to say.
    #[track_caller]
    pub(crate) fn assert_end(&mut self) {
        let mut rest = Vec::new();
        self.reader.read_to_end(&mut rest).expect("the server closes in order");
        assert!(rest.is_empty(), "{:?}", String::from_utf8_lossy(&rest));
    }
}

impl Answer {
    /// The value of a field, by its name in lower case.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|field| field.0 == name).map(|field| field.1.as_str())
    }

    /// Every answer but an interim one says when it was made: just now.
    #[track_caller]
    fn assert_dated(&self) {
        let date = self.field("date").map(httpdate::parse_http_date);
        match date {
            None => assert!(self.status < 200, "an answer has a date: {self:?}"),
            Some(Err(error)) => panic!("{error}: {self:?}"),
            Some(Ok(date)) => {
                let now = SystemTime::now();
                assert!(date <= now && now < date + 2 * PATIENCE, "it is {now:?}: {self:?}");
            }
        }
    }

    #[track_caller]
    pub(crate) fn assert_text(&self, text: &str) {
        assert_eq!((self.status, String::from_utf8_lossy(&self.body).as_ref()), (200, text));
    }
}

/// A GET request.
pub(crate) fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n")
}

/// A POST to `/echo`.
pub(crate) fn post(body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut request =
        format!("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n\r\n", body.len())
            .into_bytes();
    request.extend_from_slice(body);
    request
}
