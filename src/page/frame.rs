//! What all pages have in common: one frame, one style, no script.

/// A whole page. `title` and `main` are HTML, `class` is the body's, `head` goes into the head.
pub(super) fn document(title: &str, class: &str, head: &str, main: &str) -> String {
    // The empty icon keeps browsers from asking for one.
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta name=\"robots\" content=\"noindex\"><link rel=\"icon\" href=\"data:,\">{head}\
         <title>{title} · allmcp</title><style>{STYLE}</style></head>\
         <body class=\"{class}\"><main>{main}</main>\
         <footer>allmcp · this page is on your own computer</footer></body></html>"
    )
}

pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Every pair of colours that carries a text has a contrast of 4.5 or more (WCAG 2.2, 1.4.3), and
/// the borders of fields 3 or more (1.4.11).
const STYLE: &str = "\
:root{color-scheme:light dark;--c:#1f2328;--m:#59636e;--b:#fff;--p:#f6f8fa;--f:#fff;--l:#d1d9e0;--e:#818b98;\
--k:#1a7f37;--a:#0757ba;--on:#fff;--d:#b3261e}\
@media(prefers-color-scheme:dark){:root{--c:#f0f6fc;--m:#9aa4af;--b:#0d1117;--p:#151b23;--f:#0d1117;--l:#3d444d;\
--e:#7a828e;--k:#3fb950;--a:#6cb0ff;--on:#0d1117;--d:#ff8a80}}\
.bad{--k:#bf3989}.wait{--k:#9a6700}\
@media(prefers-color-scheme:dark){.bad{--k:#ff7bac}.wait{--k:#d9a520}}\
*{box-sizing:border-box;margin:0}\
body{min-height:100vh;display:flex;flex-direction:column;align-items:center;justify-content:center;gap:24px;\
padding:24px;background:var(--b);color:var(--c);font:16px/1.5 system-ui,-apple-system,'Segoe UI',sans-serif}\
main{width:100%;max-width:440px;padding:40px 32px;text-align:center;background:var(--p);\
border:1px solid var(--l);border-radius:16px;overflow-wrap:anywhere}\
svg{width:64px;height:64px;fill:none;stroke:var(--k);stroke-width:3;stroke-linecap:round;stroke-linejoin:round}\
h1{margin:20px 0 8px;font-size:22px;line-height:1.3;font-weight:600}\
p{color:var(--m);text-wrap:balance}a{color:var(--a)}\
footer{color:var(--m);font-size:13px;letter-spacing:.02em;text-align:center}\
.form main{max-width:560px;text-align:left}.form h1{margin-top:0}.form p{text-wrap:pretty}.form main>p{margin-bottom:12px}\
.note{margin:16px 0;padding:12px 16px;border:1px solid var(--l);border-left:4px solid var(--k);border-radius:8px;\
background:var(--f);font-size:15px}.note strong{color:var(--k)}.note ul{padding-left:20px;margin-top:4px}\
.note li{margin-top:4px;color:var(--m);font-size:14px}\
dl{margin:16px 0;padding:12px 16px;border:1px solid var(--l);border-radius:8px;background:var(--f);font-size:15px}\
dt{color:var(--m);font-size:13px}dd{margin:0 0 10px;white-space:pre-wrap;font-family:ui-monospace,Menlo,Consolas,monospace;\
font-size:14px}dd:last-child{margin:0}\
.field{margin-top:20px}label{display:block;font-weight:600}.opt{color:var(--m);font-weight:400;font-size:14px}\
.opt::before{content:'· '}.hint,.link{font-size:14px}.link{margin:4px 0}\
input,select{display:block;width:100%;margin-top:6px;padding:10px 12px;min-height:46px;font:inherit;color:var(--c);\
background:var(--f);border:1px solid var(--e);border-radius:8px}\
input::placeholder{color:var(--m);opacity:1}\
.flag{display:flex;gap:10px;align-items:center}.flag input{width:20px;min-height:20px;height:20px;margin:0;flex:none}\
.wrong input,.wrong select{border:2px solid var(--d)}.error{margin-top:6px;color:var(--d);font-size:14px;font-weight:600}\
:focus-visible{outline:3px solid var(--a);outline-offset:2px}\
.buttons{display:flex;flex-wrap:wrap;gap:12px;margin-top:24px}\
button,.go{flex:1 1 140px;min-height:46px;padding:10px 16px;font:inherit;font-weight:600;color:var(--c);background:var(--f);\
border:1px solid var(--e);border-radius:8px;cursor:pointer;text-align:center;text-decoration:none}\
.primary,.go{color:var(--on);background:var(--a);border-color:var(--a)}\
.danger{color:var(--on);background:var(--d);border-color:var(--d)}\
button:hover{border-color:var(--c)}\
.card{flex:1 1 100%;padding:14px 16px;text-align:left}.card small{display:block;margin-top:4px;color:var(--m);\
font-size:14px;font-weight:400;line-height:1.45}\
.go{display:inline-block;margin-top:20px}\
@media(max-width:480px){body{padding:12px;gap:16px;justify-content:flex-start}main{padding:28px 18px;border-radius:12px}}";
