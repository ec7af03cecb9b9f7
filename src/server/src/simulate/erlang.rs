//! What the formulas say of one queue that everybody serves: Erlang-C (everybody waits) and Erlang-A (people lose patience
//! after an exponential time).
//!
//! Both come from the density of the wait that somebody with endless patience would have, `v(x) = λ π exp(λ H(x) - cμx)`
//! with `H(x) = (1 - e^(-θx)) / θ` (Baccelli and Hebuterne 1981; Zeltyn and Mandelbaum, "Call centers with impatient
//! customers", 2005, eq. 2 and 3); Erlang-C is the case θ = 0, where all integrals are known.

/// A queue with random (Poisson) arrivals and exponential handling times.
#[derive(Debug, Clone, Copy)]
pub struct Queue {
    /// Agents, each with one conversation at a time.
    pub agents: u32,
    /// Requests in a second.
    pub per_second: f64,
    /// Mean handling time in seconds.
    pub handle: f64,
    /// Mean patience in seconds; `None`: everybody waits.
    pub patience: Option<f64>,
}

/// How people wait in the long run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Waiting {
    /// Share of those who are not served at once.
    pub waits: f64,
    /// Mean wait of all, those who leave included, in seconds.
    pub seconds: f64,
    /// Served within a minute / all but those who left earlier than that (DOMAIN, "within-minute rate").
    pub within_minute: f64,
    /// Share of those who leave.
    pub abandoned: f64,
}

/// The promise of rule 1 in seconds.
const MINUTE: f64 = 60.0;

/// Steps of the integration over each span: the error is far below what a simulation can see.
const STEPS: u32 = 20_000;

/// Erlang-B by its recursion, which neither overflows nor cancels.
fn blocked(agents: u32, offered: f64) -> f64 {
    (1..=agents).fold(1.0, |blocked, n| offered * blocked / (f64::from(n) + offered * blocked))
}

fn integral(from: f64, to: f64, of: impl Fn(f64) -> f64) -> f64 {
    let step = (to - from) / f64::from(STEPS);
    let middle = |n: u32| from + (f64::from(n) + 0.5) * step;
    (0..STEPS).map(|n| of(middle(n))).sum::<f64>() * step
}

impl Queue {
    /// Work that comes, as a share of what the agents can do.
    #[must_use]
    pub fn occupancy(&self) -> f64 {
        self.per_second * self.handle / f64::from(self.agents)
    }

    /// What the formula says; `None`: everybody waits and more comes than can be done, so the queue grows for ever.
    #[must_use]
    pub fn waiting(&self) -> Option<Waiting> {
        match self.patience {
            Some(patience) => Some(self.with_patience(patience)),
            None => (self.occupancy() < 1.0).then(|| self.without_patience()),
        }
    }

    fn without_patience(&self) -> Waiting {
        let servers = f64::from(self.agents);
        let offered = self.per_second * self.handle;
        let blocked = blocked(self.agents, offered);
        let waits = blocked / (1.0 - self.occupancy() * (1.0 - blocked));
        let free = servers - offered;
        let within_minute = 1.0 - waits * (-free * MINUTE / self.handle).exp();
        Waiting { waits, seconds: waits * self.handle / free, within_minute, abandoned: 0.0 }
    }

    fn with_patience(&self, patience: f64) -> Waiting {
        let (lambda, leaving) = (self.per_second, 1.0 / patience);
        let work = f64::from(self.agents) / self.handle;
        let power = |x: f64| lambda * patience * (1.0 - (-leaving * x).exp()) - work * x;
        // Where it is largest, so that nothing overflows however many wait.
        let peak = if lambda > work { patience * (lambda / work).ln() } else { 0.0 };
        let scale = power(peak);
        let density = |x: f64| (power(x) - scale).exp();
        // Behind this nothing is left that a double could tell from nothing.
        let mut end = peak + 1.0 / work;
        while power(end) - scale > -40.0 {
            end *= 2.0;
        }
        let idle = (-scale).exp() / blocked(self.agents - 1, lambda * self.handle);
        // The bend of "left within a minute" lies between two spans.
        let over = |of: &dyn Fn(f64) -> f64| integral(0.0, MINUTE.min(end), of) + integral(MINUTE.min(end), end, of);
        let all = idle + lambda * over(&density);
        let share = |of: &dyn Fn(f64) -> f64| lambda * over(&|x| density(x) * of(x)) / all;
        let lost = |x: f64| 1.0 - (-leaving * x).exp();
        let abandoned = share(&lost);
        let served_in_time = idle / all + share(&|x| if x <= MINUTE { 1.0 - lost(x) } else { 0.0 });
        let left_in_time = share(&|x| lost(x.min(MINUTE)));
        Waiting {
            waits: share(&|_| 1.0),
            seconds: abandoned * patience,
            within_minute: served_in_time / (1.0 - left_in_time),
            abandoned,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(agents: u32, occupancy: f64, patience: Option<f64>) -> Waiting {
        let per_second = occupancy * f64::from(agents) / 300.0;
        Queue { agents, per_second, handle: 300.0, patience }.waiting().unwrap()
    }

    #[test]
    fn erlang_c_gives_the_known_figures() {
        for (agents, occupancy, waits, seconds, within_20) in [
            (20, 0.90, 0.5508, 82.62, 0.5180),
            (100, 0.95, 0.5065, 30.39, 0.6371),
            (500, 0.98, 0.5467, 16.40, 0.7193),
            (1, 0.5, 0.5, 300.0, 0.5164),
        ] {
            let formula = queue(agents, occupancy, None);
            assert!((formula.waits - waits).abs() < 5e-5, "{agents}: {formula:?}");
            assert!((formula.seconds - seconds).abs() < 5e-3, "{agents}: {formula:?}");
            // The wait of those who wait is exponential, so 20 s say what a minute must be.
            let rate = -((1.0 - within_20) / waits).ln() / 20.0;
            let minute = 1.0 - waits * (-rate * 60.0).exp();
            assert!((formula.within_minute - minute).abs() < 5e-4, "{agents}: {formula:?} {minute}");
        }
        assert!(Queue { agents: 2, per_second: 1.0, handle: 2.0, patience: None }.waiting().is_none());
    }

    #[test]
    fn erlang_a_gives_the_known_figures_and_is_erlang_c_for_endless_patience() {
        for (occupancy, waits, seconds, abandoned) in [(1.05, 0.5577, 9.14, 0.0762), (0.95, 0.2528, 3.25, 0.0271)] {
            let formula = queue(100, occupancy, Some(120.0));
            assert!((formula.waits - waits).abs() < 5e-5, "{formula:?}");
            assert!((formula.seconds - seconds).abs() < 5e-3, "{formula:?}");
            assert!((formula.abandoned - abandoned).abs() < 5e-5, "{formula:?}");
        }
        let (patient, endless) = (queue(20, 0.9, Some(1e7)), queue(20, 0.9, None));
        assert!((patient.seconds - endless.seconds).abs() < 0.1, "{patient:?} {endless:?}");
        assert!((patient.within_minute - endless.within_minute).abs() < 1e-3, "{patient:?} {endless:?}");
    }

    #[test]
    fn what_overflows_elsewhere_does_not_here() {
        let formula = queue(1_000, 3.0, Some(900.0));
        // Two of three must leave, and nobody is served at once.
        assert!((formula.abandoned - 2.0 / 3.0).abs() < 1e-6, "{formula:?}");
        assert!(formula.waits > 0.999_999 && formula.within_minute < 1e-6, "{formula:?}");
    }
}
