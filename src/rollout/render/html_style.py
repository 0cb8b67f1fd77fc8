"""How an exported page looks: one style sheet inside the page, for light and dark, screen and paper."""

STYLE = """
:root{color-scheme:light dark;--bg:#fdfdfc;--fg:#1f2328;--dim:#5d6673;--line:#e3e4e8;--soft:#f4f5f7;--code:#f6f7f9;
--user:#eaf1fb;--userline:#3b74c4;--add:#14632b;--addbg:#e4f6e8;--del:#a1222b;--delbg:#fdeaea;--hunk:#6a4bbd;--warn:#8a5a00;
--warnbg:#fff5dc;--bad:#b3261e;--badbg:#fdecea;--link:#2257a8}
@media(prefers-color-scheme:dark){:root{--bg:#15181d;--fg:#dfe3e9;--dim:#959eab;--line:#2c323b;--soft:#1d2128;--code:#1b1f26;
--user:#1a2636;--userline:#5e96e0;--add:#7fd495;--addbg:#15291b;--del:#f3989d;--delbg:#321b1e;--hunk:#b49cf0;--warn:#e3b861;
--warnbg:#2b2414;--bad:#f2938c;--badbg:#331c1b;--link:#8ab6f5}}
*{box-sizing:border-box}
html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--bg);color:var(--fg);font:16px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
main,body>header,footer,.turns{max-width:52rem;margin:0 auto;padding:0 1.25rem}
body>header{padding-top:2.5rem}
h1{font-size:1.6rem;line-height:1.3;margin:0 0 .5rem;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:0;color:var(--dim);font-size:.875rem}
dt{color:var(--dim)}dd{margin:0;color:var(--fg);overflow-wrap:anywhere}
a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}
.turn{padding-top:1.75rem;scroll-margin-top:.5rem}
.turn>h2{display:flex;gap:.75rem;align-items:baseline;font-size:.8rem;font-weight:600;letter-spacing:.03em;color:var(--dim);margin:0 0 .6rem}
.turn>h2 a{color:inherit}.turn>h2 time{font-weight:400;letter-spacing:0}
.turn>h2::after{content:"";flex:1;border-top:1px solid var(--line)}
.text{white-space:pre-wrap;overflow-wrap:anywhere}
.text b.head{display:inline-block;font-size:1.05em;margin-top:.3em}
.user{background:var(--user);border-left:3px solid var(--userline);border-radius:.4rem;padding:.75rem 1rem;margin:0 0 1rem}
.agent{margin:1rem 0}
pre,code{font:.84rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;tab-size:4}
code{background:var(--code);border-radius:.25rem;padding:.1em .35em;overflow-wrap:anywhere}
pre{background:var(--code);border:1px solid var(--line);border-radius:.4rem;margin:.5rem 0;padding:.65rem .85rem;white-space:pre-wrap;overflow-wrap:anywhere;max-height:34rem;overflow:auto}
.text pre{white-space:pre;overflow-x:auto}
details{margin:.45rem 0}
summary{cursor:pointer;color:var(--dim);font-size:.875rem;list-style-position:inside;overflow-wrap:anywhere;border-radius:.25rem}
summary:hover{color:var(--fg)}summary:focus-visible,a:focus-visible{outline:2px solid var(--userline);outline-offset:2px}
.tool{border:1px solid var(--line);border-radius:.4rem;background:var(--soft);padding:.45rem .75rem;margin:.6rem 0 0;font-size:.875rem}
.tool>code,.tool summary code{background:none;padding:0;color:var(--fg);white-space:pre-wrap}
.tool+.out{margin-top:0}
.tool:has(+.out:not(.alone)){border-bottom-left-radius:0;border-bottom-right-radius:0}
.out{border:1px solid var(--line);border-top:0;border-radius:0 0 .4rem .4rem;padding:.35rem .75rem;margin:0 0 .6rem;font-size:.875rem;color:var(--dim)}
.out.alone{border-top:1px solid var(--line);border-radius:.4rem;margin-top:.6rem}
.out pre{background:none;border:0;margin:0;padding:.15rem 0;color:var(--fg)}
.prompt{color:var(--userline);user-select:none}
.exit{color:var(--bad);font-weight:600}
.thought{border-left:2px solid var(--line);padding-left:.85rem;color:var(--dim);font-size:.925rem;margin:.75rem 0}
.note{color:var(--dim);font-size:.875rem;margin:.6rem 0}
.mark{border-radius:.4rem;padding:.5rem .85rem;margin:.85rem 0;font-size:.9rem;background:var(--warnbg);color:var(--warn)}
.bad{background:var(--badbg);color:var(--bad)}
.mark .text{color:var(--fg)}
.picture{display:block;max-width:100%;max-height:32rem;border-radius:.4rem;border:1px solid var(--line);margin:.6rem 0}
.plan ul{margin:.2rem 0 0;padding-left:0;list-style:none;color:var(--fg)}
.facts{font-size:.78rem;color:var(--dim);padding:.1rem 0 .2rem}
.facts.exit{color:var(--bad)}
.dropped{opacity:.6;border-left:3px dotted var(--dim);padding-left:.85rem}
.a{color:var(--add);background:var(--addbg);display:block}.d{color:var(--del);background:var(--delbg);display:block}
.h{color:var(--hunk);display:block}.f{font-weight:600;display:block}.c{display:block}
footer{margin-top:3rem;padding-top:1rem;padding-bottom:3rem;border-top:1px solid var(--line);color:var(--dim);font-size:.85rem}
.turns{padding-top:1.5rem;font-size:.9rem}
.turns ol{padding-left:2.2rem;margin:.5rem 0}.turns li::marker{color:var(--dim)}
table{border-collapse:collapse;width:100%;font-size:.925rem}td,th{text-align:left;padding:.5rem .75rem .5rem 0;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
th{color:var(--dim);font-weight:600;font-size:.8rem}td.when{white-space:nowrap;color:var(--dim)}
@media(min-width:84rem){.turns{position:fixed;top:0;left:0;bottom:0;width:calc((100vw - 52rem)/2);max-width:19rem;overflow:auto;margin:0;padding:2.5rem 1rem 2rem 1.25rem;font-size:.8rem;line-height:1.4}
.turns h2{font-size:.8rem;color:var(--dim);margin:0}.turns li{margin:.35rem 0}}
@media(max-width:83.99rem){.turns h2{font-size:1rem}}
@media print{pre{max-height:none}.turns{display:none}.turn{break-inside:auto}body{font-size:11pt}}
"""
