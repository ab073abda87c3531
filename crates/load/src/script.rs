//! The plan's requests, made ready to send and to verify.

use crate::{
    fault::{Cause, Fault},
    pattern::{Pattern, difference},
    plan::{Kind, Method, Plan, Request},
    reference::Reference,
    rpc::{Call, Tail},
};

/// All that connections share of what is asked and expected.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) pattern: Pattern,
    templates: Vec<Template>,
    seed: u64,
}

/// One kind of request: the same head each time, another window of the pattern.
#[derive(Debug)]
pub(crate) struct Template {
    /// The sum of the weights up to and with this one.
    weight_up_to: u64,
    pub(crate) slow: bool,
    pub(crate) head: Vec<u8>,
    pub(crate) body_bytes: usize,
    pub(crate) answer: Answer,
}

#[derive(Debug)]
pub(crate) enum Answer {
    Echo,
    Exact(Vec<u8>),
    Http { status: u16, body: Body },
    Rpc(Call),
}

/// What the body of an HTTP answer must be.
#[derive(Debug)]
pub(crate) enum Body {
    Sent,
    Same(Reference),
    Any,
}

impl Script {
    pub(crate) fn new(plan: &Plan) -> Self {
        let mut weight_up_to = 0;
        let mut templates = Vec::with_capacity(plan.requests.len());
        for request in plan.requests.iter().filter(|request| request.weight > 0) {
            weight_up_to += u64::from(request.weight);
            templates.push(Template::new(request, weight_up_to, plan));
        }
        let longest = templates.iter().map(|template| template.body_bytes).max().unwrap_or(0);
        Self { pattern: Pattern::new(plan.seed, longest), templates, seed: plan.seed }
    }

    /// Which request is a connection's `sequence`-th: from the numbers alone, so
    /// that the mix does not depend on which answer comes first.
    #[inline]
    pub(crate) fn pick(&self, connection: u32, sequence: u32) -> u32 {
        if self.templates.len() == 1 {
            return 0;
        }
        let total = self.templates.last().map_or(1, |last| last.weight_up_to);
        let nth = u64::from(connection) << 32 | u64::from(sequence);
        let drawn = scatter(self.seed ^ scatter(nth)) % total;
        let place = self.templates.partition_point(|template| template.weight_up_to <= drawn);
        u32::try_from(place).unwrap_or(0) // A plan of so many kinds does not fit into memory.
    }

    /// Hands over a request, the `sequence`-th of its connection, in its two parts.
    #[inline]
    pub(crate) fn with_request<T>(
        &self,
        index: usize,
        connection: u32,
        sequence: u32,
        then: impl FnOnce(&[u8], &[u8]) -> T,
    ) -> T {
        let template = &self.templates[index];
        if let Answer::Rpc(_) = template.answer {
            return then(&template.head, Tail::of(Call::id(connection, sequence)).as_bytes());
        }
        let phase = Pattern::phase(connection, sequence);
        then(&template.head, self.pattern.window(phase, template.body_bytes))
    }

    /// How long that request is.
    #[inline]
    pub(crate) fn bytes(&self, index: usize, connection: u32, sequence: u32) -> usize {
        let template = &self.templates[index];
        let tail = match template.answer {
            Answer::Rpc(_) => Tail::of(Call::id(connection, sequence)).as_bytes().len(),
            _ => template.body_bytes,
        };
        template.head.len() + tail
    }

    #[inline]
    pub(crate) fn template(&self, index: usize) -> &Template {
        &self.templates[index]
    }

    /// The template with what it is verified by.
    #[inline]
    pub(crate) fn verify(&mut self, index: usize) -> (&mut Template, &Pattern) {
        (&mut self.templates[index], &self.pattern)
    }

    /// What a call must return: of a plan whose requests are calls.
    pub(crate) fn call(&mut self, index: usize) -> &mut Call {
        match &mut self.templates[index].answer {
            Answer::Rpc(call) => call,
            _ => unreachable!("a plan is of one protocol"),
        }
    }

    /// The longest that the line of a right answer can be, whichever call it answers.
    pub(crate) fn longest_line(&self) -> usize {
        let longest = |template: &Template| match &template.answer {
            Answer::Rpc(call) => call.longest(),
            _ => 0,
        };
        self.templates.iter().map(longest).max().unwrap_or(0)
    }

    /// The bodies that answers were held to, of each template that has one.
    pub(crate) fn bodies(self) -> Vec<Option<Vec<u8>>> {
        let body = |template: Template| match template.answer {
            Answer::Http { body: Body::Same(reference), .. } => reference.learned(),
            Answer::Rpc(call) => call.learned(),
            _ => None,
        };
        self.templates.into_iter().map(body).collect()
    }

    pub(crate) fn has_slow(&self) -> bool {
        self.templates.iter().any(|template| template.slow)
    }
}

impl Template {
    fn new(request: &Request, weight_up_to: u64, plan: &Plan) -> Self {
        let slow = request.slow;
        match &request.kind {
            Kind::Echo { bytes } => Self {
                weight_up_to,
                slow,
                head: Vec::new(),
                body_bytes: *bytes,
                answer: Answer::Echo,
            },
            Kind::Exact { send, expect } => Self {
                weight_up_to,
                slow,
                head: send.clone().into_bytes(),
                body_bytes: 0,
                answer: Answer::Exact(expect.clone().into_bytes()),
            },
            Kind::Rpc { method, params, expect } => {
                let echoed = (method == "echo").then(|| params.clone().unwrap_or_default());
                Self {
                    weight_up_to,
                    slow,
                    head: Call::head(method, params.as_ref()),
                    body_bytes: 0,
                    answer: Answer::Rpc(Call::expecting(expect.clone().or(echoed))),
                }
            }
            Kind::Http { method, path, body_bytes, expect_status, expect_body } => {
                let body = match (expect_body, method) {
                    (Some(text), _) => Body::Same(Reference::fixed(text.clone().into_bytes())),
                    (None, Method::Get) => Body::Same(Reference::default()),
                    (None, Method::Post) if path == "/echo" => Body::Sent,
                    (None, Method::Post) => Body::Any,
                };
                let head = match method {
                    Method::Get => format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", plan.target),
                    Method::Post => format!(
                        "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {body_bytes}\r\n\r\n",
                        plan.target
                    ),
                };
                Self {
                    weight_up_to,
                    slow,
                    head: head.into_bytes(),
                    body_bytes: *body_bytes,
                    answer: Answer::Http { status: *expect_status, body },
                }
            }
        }
    }
}

impl Body {
    /// Verifies a piece of body that begins at `position`; `sent` is the body of the request.
    pub(crate) fn check(
        &mut self,
        sent: &[u8],
        position: usize,
        piece: &[u8],
    ) -> Result<(), Fault> {
        match self {
            Self::Any => Ok(()),
            Self::Same(reference) => reference.check(position, piece),
            Self::Sent => same(sent.get(position..).unwrap_or_default(), position, piece),
        }
    }

    /// Verifies that a complete body has the right length.
    pub(crate) fn end(&mut self, sent: &[u8], length: usize) -> Result<(), Fault> {
        match self {
            Self::Any => Ok(()),
            Self::Same(reference) => reference.end(length),
            Self::Sent if length == sent.len() => Ok(()),
            Self::Sent => {
                let text = format!("the body has {length} bytes, {} were sent", sent.len());
                Err(Fault::new(Cause::Mismatch, text))
            }
        }
    }
}

/// Verifies that `piece` is the front of `expected`, which begins at `position`.
#[inline]
pub(crate) fn same(expected: &[u8], position: usize, piece: &[u8]) -> Result<(), Fault> {
    if expected.len() >= piece.len() && &expected[..piece.len()] == piece {
        return Ok(());
    }
    let text = difference(expected, piece, position);
    Err(Fault::new(Cause::Mismatch, format!("in the answer {text}")))
}

/// A number that looks random for every `n`: the output step of `SplitMix64`
/// (Steele, Lea, Flood, *Fast Splittable Pseudorandom Number Generators*, 2014).
fn scatter(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ n >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ n >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ n >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mix_has_its_weights() {
        let mut plan = Plan::new("127.0.0.1:5555".parse().unwrap());
        plan.requests = [1, 0, 9]
            .map(|weight| Request { weight, slow: false, kind: Kind::Echo { bytes: 1 } })
            .to_vec();
        let script = Script::new(&plan);
        let mut picked = [0; 2];
        for connection in 0..100 {
            for sequence in 0..100 {
                picked[script.pick(connection, sequence) as usize] += 1;
            }
        }
        assert!((900..1100).contains(&picked[0]), "{picked:?}");
    }
}
