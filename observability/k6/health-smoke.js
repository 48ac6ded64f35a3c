// The smoke test for those who have k6; `hauski bench` writes the same fields without it.
//   k6 run observability/k6/health-smoke.js --summary-export=observability/k6/summary.json
import http from "k6/http";
import { check } from "k6";

const base = __ENV.HAUSKI_URL || "http://127.0.0.1:7070";

export const options = {
  vus: 8,
  duration: "10s",
  thresholds: { http_req_duration: ["p(95)<400"], http_req_failed: ["rate==0"] },
};

export default function () {
  const answer = http.get(`${base}/health`);
  check(answer, { "the daemon answers": (it) => it.status === 200 });
}
