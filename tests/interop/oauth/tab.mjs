// A browser whose user says yes at once: follows the URL to where it ends. usage: node tab.mjs URL
let url = process.argv[2];
for (let hop = 0; url && hop < 10; hop++) {
  const answer = await fetch(url, { redirect: "manual" });
  await answer.arrayBuffer();
  const next = answer.headers.get("location");
  url = next && new URL(next, url).href;
}
