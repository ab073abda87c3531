//! The one place of a run that looks at the watched process.

use crate::{
    error::Error,
    fault::{Cause, Errors, Fault},
    plan::Plan,
    tasks::Tasks,
    watch::{Memory, Sample, Watch, Watched},
};

/// Samples the process that a plan names; does nothing if it names none.
#[derive(Debug)]
pub(crate) struct Observer {
    watching: Option<(Watch, Watched)>,
    with_memory: bool,
    errors: Errors,
}

impl Observer {
    /// Takes the sample before the first connection.
    pub(crate) fn new(plan: &Plan) -> Result<Self, Error> {
        let with_memory = plan.watch_memory;
        let watching = plan.watch.map(|pid| -> Result<_, Error> {
            let watch = Watch::new(pid)?;
            let memory = with_memory.then(|| watch.memory()).transpose()?;
            let before = Sample { memory, ..watch.sample()? }.with(watch.tasks());
            Ok((watch, Watched { pid, before, start: None, end: None }))
        });
        Ok(Self { watching: watching.transpose()?, with_memory, errors: Errors::default() })
    }

    /// Takes the sample at the start of the window, with what was read before it.
    pub(crate) fn start(&mut self, memory: Option<Memory>, tasks: Tasks) {
        let sample = self.look(Watch::sample);
        let sample = sample.map(|sample| Sample { memory, ..sample }.with(tasks));
        if let Some((_, watched)) = &mut self.watching {
            watched.start = sample;
        }
    }

    /// Takes the sample at the start of a sitting, all connections established. From
    /// now on CPU time is read of the processes that are there.
    pub(crate) fn begin_sitting(&mut self) {
        let tasks = self.tasks();
        self.start(None, tasks);
        if let Some((watch, _)) = &mut self.watching {
            watch.look_for_others();
        }
    }

    /// CPU time that the watched process has used so far; `None` if there is none.
    pub(crate) fn cpu_ns(&mut self) -> Option<u64> {
        self.look(Watch::cpu_ns)
    }

    /// Takes the sample at the end of the window: what is quickly read of it.
    pub(crate) fn end(&mut self) {
        let sample = self.look(Watch::sample);
        if let Some((_, watched)) = &mut self.watching {
            watched.end = sample;
        }
    }

    /// Adds the rest to it, once the last answers were waited for.
    pub(crate) fn finish(&mut self) {
        let end = self.watching.as_mut().and_then(|(_, watched)| watched.end.take());
        let Some(end) = end else { return };
        let tasks = self.tasks();
        let memory = self.memory();
        if let Some((_, watched)) = &mut self.watching {
            watched.end = Some(Sample { memory, ..end }.with(tasks));
        }
    }

    /// Its threads now.
    pub(crate) fn tasks(&self) -> Tasks {
        self.watching.as_ref().map(|(watch, _)| watch.tasks()).unwrap_or_default()
    }

    /// Memory now, if the plan asks for it.
    pub(crate) fn memory(&mut self) -> Option<Memory> {
        if self.with_memory { self.look(Watch::memory) } else { None }
    }

    /// What was seen, and that the process is gone, if so.
    pub(crate) fn told(self) -> (Option<Watched>, Errors) {
        (self.watching.map(|(_, watched)| watched), self.errors)
    }

    /// Notes once that the watched process is gone.
    fn look<T>(&mut self, at: impl FnOnce(&Watch) -> Result<T, Error>) -> Option<T> {
        let why = match at(&self.watching.as_ref()?.0) {
            Ok(value) => return Some(value),
            Err(why) => why,
        };
        if self.errors.total() == 0 {
            let cause = match why {
                Error::NoProcess { .. } => Cause::ServerDied,
                _ => Cause::Other,
            };
            self.errors.count("watching", &Fault::new(cause, why.to_string()));
        }
        None
    }
}
