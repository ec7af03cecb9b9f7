// Usage: count.mjs nextest|cargo|vitest|playwright FILE. Prints "PASSED FAILED", read from a runner's own report.
// A report that cannot be read is "0 0": the caller counts a step without a test as failed.
import { readFileSync } from 'node:fs';

const [kind, file] = process.argv.slice(2);

const sum = (text, pattern) => [...text.matchAll(pattern)].reduce((n, m) => n + Number(m[1]), 0);

const counters = {
  nextest(text) {
    // "Summary [ 1.2s] 9 tests run: 7 passed (1 slow), 1 failed, 1 timed out, 3 skipped"
    const found = /Summary \[[^\]]*\]\s+(?:\d+\/)?(\d+) tests? run: (?:(\d+) passed)?/.exec(text);
    if (!found) return [0, 0];
    const passed = Number(found[2] ?? 0);
    return [passed, Number(found[1]) - passed];
  },
  cargo(text) {
    return [sum(text, /^test result: .* (\d+) passed;/gm), sum(text, /^test result: .* (\d+) failed;/gm)];
  },
  vitest(text) {
    const report = JSON.parse(text);
    // A file that does not even load has no tests of its own, yet it failed.
    const broken = report.testResults.filter((f) => f.status === 'failed' && f.assertionResults.length === 0);
    return [report.numPassedTests, report.numFailedTests + broken.length];
  },
  playwright(text) {
    const { stats, errors } = JSON.parse(text);
    return [stats.expected, stats.unexpected + stats.flaky + errors.length];
  },
};

let result = [0, 0];
try {
  result = counters[kind](readFileSync(file, 'utf8'));
} catch (error) {
  console.error(`${kind} report ${file}: ${error.message}`);
}
console.log(result.join(' '));
