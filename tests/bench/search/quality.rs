//! How good the rankings are, and how surely one is better than the other.

use super::{
    baseline::Bm25,
    corpus::{Request, Tool},
    data::Set,
    measure::{DEPTHS, Measures, count, measure},
    report::{Promise, Report, head},
    searcher,
};

const RESAMPLES: usize = 10_000;
const SEED: u64 = 0x0a11_0ca7;
/// What nDCG@10 has to be for each kind of request.
const GOALS: [(&str, f64); 2] = [("step", 0.64), ("task", 0.37)];
const MOST_LOST: f64 = 0.03;

/// The measures of every request, by ranking.
struct Results {
    plain: Vec<Measures>,
    fielded: Vec<Measures>,
    /// As it is served, and without making room for other connections.
    ours: Vec<Measures>,
    free: Vec<Measures>,
}

impl Results {
    fn of(tools: &[Tool], requests: &[Request]) -> Self {
        let ours = searcher(tools);
        let search = |request: &str, spread: bool| {
            ours.search(request, &|_| true, spread).hits.iter().map(|hit| hit.at).collect()
        };
        let plain = Bm25::plain(tools);
        let fielded = Bm25::fielded(tools);
        let run = |search: &dyn Fn(&str) -> Vec<usize>| {
            let one = |request: &Request| {
                let found = search(&request.text);
                let ids: Vec<&str> = found.iter().map(|at| tools[*at].id.as_str()).collect();
                measure(&ids, &request.gold)
            };
            requests.iter().map(one).collect()
        };
        Self {
            plain: run(&|request| plain.search(request)),
            fielded: run(&|request| fielded.search(request)),
            ours: run(&|request| search(request, true)),
            free: run(&|request| search(request, false)),
        }
    }
}

pub(crate) fn all(set: &Set, report: &mut Report) {
    let alone = Results::of(&set.tools, &set.requests);
    let crowd: Vec<Tool> = set.tools.iter().chain(&set.distractors).cloned().collect();
    let crowded = Results::of(&crowd, &set.requests);
    for kind in set.kinds() {
        let of_kind: Vec<usize> =
            (0..set.requests.len()).filter(|at| set.requests[*at].kind == kind).collect();
        let pick = |all: &[Measures]| of_kind.iter().map(|at| all[*at]).collect::<Vec<_>>();
        head(&format!("{kind}: {} requests, {} tools", of_kind.len(), set.tools.len()));
        table(&alone, pick);
        head(&format!("{kind}, with distractors: {} tools", crowd.len()));
        table(&crowded, pick);
        println!();
        let ours = mean(&pick(&alone.ours));
        let goal = GOALS.iter().find(|(of, _)| *of == kind);
        let promise = goal.map_or(Promise::None, |(_, goal)| Promise::AtLeast(*goal));
        report.row(
            &format!("{kind}: nDCG@10"),
            promise,
            Some(thousandths(ours)),
            "",
            &format!("{ours:.3}"),
        );
        let lost = ours - mean(&pick(&crowded.ours));
        let promise =
            if set.distractors.is_empty() { Promise::None } else { Promise::AtMost(MOST_LOST) };
        report.row(
            &format!("{kind}: lost among distractors"),
            promise,
            Some(thousandths(lost)),
            "",
            &format!("{lost:+.3}"),
        );
    }
}

/// Without this, 0.6399 would be printed as 0.64 and missed.
fn thousandths(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

fn table(results: &Results, pick: impl Fn(&[Measures]) -> Vec<Measures>) {
    println!("  {:<28}{:>8}{:>8}{:>8}{:>8}", "", "nDCG@10", "R@1", "R@5", "R@10");
    let ours = pick(&results.ours);
    for (what, all) in [
        ("plain BM25", &results.plain),
        ("fielded, stemmed BM25", &results.fielded),
        ("ours", &results.ours),
        ("ours without spread", &results.free),
    ] {
        let all = pick(all);
        let recall =
            |depth: usize| all.iter().map(|one| one.recall[depth]).sum::<f64>() / count(all.len());
        print!("  {what:<28}{:>8.3}", mean(&all));
        for depth in 0..DEPTHS.len() {
            print!("{:>8.3}", recall(depth));
        }
        println!();
    }
    for (what, other) in [("plain", &results.plain), ("fielded", &results.fielded)] {
        let differences: Vec<f64> =
            ours.iter().zip(pick(other)).map(|(ours, other)| ours.ndcg - other.ndcg).collect();
        let (low, high) = interval(&differences);
        let mean = differences.iter().sum::<f64>() / count(differences.len());
        println!("  ours less {what:<18}{mean:>+8.3}   95 % between {low:+.3} and {high:+.3}");
    }
}

fn mean(all: &[Measures]) -> f64 {
    all.iter().map(|one| one.ndcg).sum::<f64>() / count(all.len())
}

/// The middle 95 % of the means of resamples, requests drawn with replacement.
fn interval(differences: &[f64]) -> (f64, f64) {
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut means: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let drawn =
                (0..differences.len()).map(|_| differences[random.usize(..differences.len())]);
            drawn.sum::<f64>() / count(differences.len())
        })
        .collect();
    means.sort_by(f64::total_cmp);
    (means[RESAMPLES / 40], means[RESAMPLES - 1 - RESAMPLES / 40])
}
