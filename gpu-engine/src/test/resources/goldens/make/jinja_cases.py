"""Small templates that go through Jinja's language one operation at a time. Rendered by make_jinja_goldens.py."""
import random

# One expression a line; x is never defined.
EXPRESSIONS = r'''
1+2
3*4
7//2
-7//2
7%-3
-7%3
7.5//2
-7.5%2
2**10
2**-1
2**0.5
10/4
1/3
1e16
1e15
1.5e-5
0.0001
123456789012345678
2**100
10**20/3
1_000
0x1F
0b101
0o17
1.0
-0.0
5//0
5%0
5/0
1.5//0
true+1
true*3
"a"*3
3*"ab"
"a"*-1
[1]*2
(1,)*2
"a"+1
1+"a"
[1]+(2,)
"a"-"b"
none+1
{}+{}
[1,2]+[3]
(1,)+(2,)
1<2<3
3>2>2
1==1.0
true==1
"a"<"b"
"a"<1
[1,2]<[1,3]
(1,)<(1,2)
none==none
{}=={}
{"a":1}=={"a":1.0}
[1]==(1,)
1 in [1.0]
"a" in {"a":1}
1 in "abc"
"" in "abc"
none in none
x in [1]
1 in x
x==y
x!=y
not x
x and 1
x or 2
x<1
1<x
x+1
"a"+x
x.y
x["y"]
x()
none.y
none["y"]
none()
"a".b
"a"["b"]
(1).b
[].foo
{}.foo
{"a":1}.a
{"items":1}.items
{"items":1}["items"]
"abc"[0]
"abc"[-1]
"abc"[5]
"abc"[1:]
"abc"[::-1]
"abc"[::2]
"abcdef"[4:1:-2]
"abc"[-10:10]
"abc"[10:]
[1,2,3][1:-1]
(1,2,3)[::-1]
"abc"[::0]
x[1:]
range(10)[2:8:3]
range(10)[2:8:3]|list
range(3)
range(1,10,3)
range(0,-5,-2)|list
range(5)[-1]
range(200000)
range(0)
"👋é"[0]
"👋é"|length
"👋é"[::-1]
"a" ~ 1 ~ none ~ true ~ 1.5 ~ [1]
"a" "b"
'it\'s'
"tab\tx"
["it's"]
["\n\t\\"]
["\x00\x7f\u200b\u2028é👋"]
{"a":[1,{"b":(1,)}]}
{1:2,1.5:"x",none:true,true:1}
(1,)
()
[[]]
{}
1 if true
1 if false
1 if false else 2
(1 if false) is defined
-5|abs
-(5|abs)
-2**2
2**3**2
not 1 == 2
1 + 2 ~ 3
"a" ~ 1 + 2
1 < 2 ~ "a"
"%s" % 1
"%s %s" % (1,2)
"%d" % 3.7
"%05d" % 42
"%+d" % 5
"%x" % 255
"%#x" % 255
"%o" % 8
"%.2f" % 3.14159
"%8.3f" % 3.14159
"%e" % 12345.678
"%g" % 0.0001
"%g" % 1e10
"%g" % 123456
"%r" % "a"
"%%" % ()
"%s" % [1]
"%(a)s" % {"a":1}
"%s" % x
"%d" % "a"
"%s"
"%s" % (1,2)
"%s %s" % 1
"%c" % 65
%-5s
"%.2s" % "abc"
"%*d" % (5,3)
"{}".format(1)
"{} {}".format(1,2)
"{0} {1} {0}".format("a","b")
"{a}".format(a=1)
"{:>5}".format("a")
"{:*^7}".format("abc")
"{:05d}".format(42)
"{:,}".format(1234567)
"{:_}".format(1234567)
"{:.2f}".format(3.14159)
"{:+}".format(5)
"{:x}".format(255)
"{:#x}".format(255)
"{:b}".format(5)
"{:e}".format(12345.678)
"{:g}".format(0.00001)
"{:%}".format(0.25)
"{:.1%}".format(0.256)
"{!r}".format("a")
"{!s:>4}".format(1)
"{0[a]}".format({"a":1})
"{0.a}".format({"a":1})
"{:{}}".format("a",5)
"{{}}".format()
"{".format()
"}".format()
"{}".format()
"{} {}".format(1)
"{x}".format(y=1)
"{:d}".format("a")
"{:d}".format(1.5)
"{:s}".format(1)
"{}".format(none)
"{}".format([1])
"{:5}".format(none)
"{}".format(true)
"{:d}".format(true)
"{:5}".format(true)
"{}".format(1.0)
"{:.3}".format(1.23456)
"{:.3}".format("abcdef")
"{:c}".format(97)
"{:n}".format(5)
"{0:>{1}}".format("a",4)
"a b  c".split()
"a b  c".split(" ")
"a,b,c".split(",",1)
"a,b,c".rsplit(",",1)
" a b c ".split(none,1)
" a b c ".rsplit(none,1)
"".split()
"".split(",")
"abc".split("")
"abc".split(1)
"a\nb\r\nc\x0bd\u2028e".splitlines()
"a\n\n".splitlines(true)
"a-b-c".partition("-")
"a-b-c".rpartition("-")
"abc".partition("x")
"abc".rpartition("x")
"  a ".strip()
"xxaxx".strip("x")
"abcba".strip("ab")
"xxa".lstrip("x")
"axx".rstrip("x")
"\u00a0a\u3000".strip()
"a".strip(1)
"abc".startswith("a")
"abc".startswith(("x","a"))
"abc".startswith("b",1)
"abc".endswith("c")
"abc".endswith("b",0,2)
"abc".startswith(1)
"abc".find("c")
"abc".find("x")
"👋abc".find("c")
"abcabc".rfind("a")
"abc".index("x")
"abc".index("b")
"abcabc".find("a",1)
"aaa".count("a")
"aaa".count("")
"aaa".count("aa")
"abc".replace("b","x")
"aaa".replace("a","b",2)
"abc".replace("","-")
"abc".replace("","-",2)
"".replace("","x")
",".join(["a","b"])
",".join([1])
",".join("abc")
"".join(x)
"abc".upper()
"ßﬁ".upper()
"ÀÉ".lower()
"hello world".title()
"they're bill's".title()
"hELLO".capitalize()
"ßa".capitalize()
"ǆa".capitalize()
"aBc".swapcase()
"ΑΣ".lower()
"İ".lower()
"a".center(4)
"a".center(5,"*")
"ab".center(5,"*")
"a".ljust(3)
"a".rjust(3,"-")
"42".zfill(5)
"-42".zfill(5)
"a\tb".expandtabs()
"a\tb".expandtabs(4)
"abc".isalpha()
"abc1".isalnum()
"12".isdigit()
"²".isdigit()
"½".isnumeric()
"12".isdecimal()
" ".isspace()
"".isspace()
"abc".islower()
"ABC".isupper()
"A1".isupper()
"1".isupper()
"Ab C".istitle()
"abc".isidentifier()
"a b".isidentifier()
"é".isascii()
"\n".isprintable()
"abc".removeprefix("a")
"abc".removesuffix("c")
"abc".casefold()
"abc".foo()
"abc".upper(1)
[1,2,1].count(1)
[1,2].index(2)
[1].index(5)
[1].append(2)
{}.update({})
{"a":1}.pop("a")
[1].append
[1].copy()
{"a":1}.copy()
(1,2).index(2)
{"a":1}.get("a")
{"a":1}.get("b")
{"a":1}.get("b",2)
{"a":1,"b":2}.keys()
{"a":1}.values()
{"a":1}.items()
{"a":1}.keys()|list
{"a":1}.items()|list
{"b":1,"a":2}.items()|sort
{"a":1}.items()|length
{"a":1}.items()[0]
{"a":1}.keys()|first
"a".__class__
[].__len__
"a"._x
{"_x":1}._x
(5).bit_length()
(1.5).is_integer()
(2.0).is_integer()
5 .real
"a"|upper
"A"|lower
"abc def"|title
"abc-def (ghi) [jkl] {mno} <pqr"|title
"it's o'neil"|title
"hello WORLD"|capitalize
none|upper
1|upper
x|upper
"  a "|trim
"xax"|trim("x")
"a"|string
1|string
none|string
[1]|string
"abc"|length
[1,2]|length
{"a":1}|length
x|length
1|length
none|length
range(5)|length
([1,2]|map("string"))|length
"abc"|count
"abc"|list
{"a":1}|list
1|list
none|list
x|list
(1,2)|list
[1,2]|first
[]|first
"abc"|first
{"a":1}|first
[1,2]|last
[]|last
"abc"|last
([1]|map("string"))|last
([1]|map("string"))|first
1|first
none|first
"abc"|reverse
[1,2]|reverse|list
1|reverse
{"a":1,"b":2}|reverse|list
[3,1,2]|sort
["b","A","c"]|sort
["b","A","c"]|sort(case_sensitive=true)
[3,1,2]|sort(true)
[1,"a"]|sort
[{"a":2},{"a":1}]|sort(attribute="a")
[{"a":{"b":2}},{"a":{"b":1}}]|sort(attribute="a.b")
[{"a":1,"b":2},{"a":1,"b":1}]|sort(attribute="a,b")
[[2,1],[1,2]]|sort(attribute=0)
"cab"|sort
none|sort
[1,1,2,"a","A"]|unique|list
[[1]]|unique|list
{"b":1,"a":2}|dictsort
{"b":1,"a":2}|dictsort(by="value")
{"b":1,"A":2}|dictsort(true)
{"b":1,"a":2}|dictsort(reverse=true)
{"b":1}|dictsort(by="x")
[1]|dictsort
{"a":1}|items|list
x|items|list
[1]|items|list
[1,2]|join
[1,2]|join(", ")
["a",none,true]|join("-")
[{"a":1},{"a":2}]|join(",",attribute="a")
"abc"|join("-")
1|join
x|join
[1,2,3]|sum
[1.5,2]|sum
[]|sum
["a"]|sum
[{"a":1}]|sum(attribute="a")
[1]|sum(start=5)
[1,2]|min
[]|min
["b","A"]|min
["b","A"]|max
[{"a":1},{"a":3}]|max(attribute="a")
[1,"a"]|max
2.5|round
3.5|round
-2.5|round
2.567|round(2)
2.675|round(2)
1234|round(-2)
1250|round(-2)
5|round
2.1|round(0,"ceil")
2.9|round(0,"floor")
2.123|round(2,"ceil")
1|round(0,"x")
"a"|round
2.5|round|int
"42"|int
"42.9"|int
"abc"|int
"abc"|int(7)
" 42 "|int
"0x1F"|int(base=16)
"1F"|int(0,16)
"101"|int(base=2)
none|int
3.9|int
-3.9|int
true|int
"1e3"|int
"1_000"|int
x|int
[]|int
"1.5"|float
"x"|float
"x"|float(2)
"inf"|float
"nan"|float
1|float
none|float
"1e5"|float
" 1.5 "|float
x|default("a")
""|default("a")
""|default("a",true)
none|default("a")
none|d("a",true)
0|default(1,boolean=true)
x|default
"a,b"|replace(",",";")
"aaa"|replace("a","b",2)
123|replace(2,"x")
"<a>"|escape|escape
("<a>"|e)+"<b>"
"<b>"+("<a>"|e)
("<a>"|e) ~ "<b>"
("<a>"|safe)+"<b>"
("a"|safe)*2
"<a>"|safe
["<a>"|safe]
("<a>"|e)|length
("%s"|safe)|format("<")
"<a>"|forceescape
"<p>a  b</p> c"|striptags
"a\nb\n\nc"|indent
"a\nb"|indent(2)
"a\nb"|indent(2,true)
"a\n\nb"|indent(2,blank=true)
"a\nb"|indent("> ")
"a\nb\n"|indent
1|indent
""|indent
"%s-%d"|format("a",1)
"%(a)s"|format(a=1)
"foo bar baz qux"|truncate(9)
"foo bar baz qux"|truncate(9,true)
"foo bar baz qux"|truncate(11)
"foo bar baz qux"|truncate(11,false,"...",0)
"a"|center(5)
"a b c"|wordcount
"héllo wörld_x"|wordcount
"a b/c?d=é&~"|urlencode
{"a b":"c/d"}|urlencode
[["a",1]]|urlencode
{"a":"<","b":none}|xmlattr
[1,2,3,4,5]|batch(2)|list
[1,2,3]|batch(2,"x")|list
[1,2,3,4,5]|slice(2)|list
[1,2,3]|slice(2,"x")|list
[1,2,3]|map("string")|list
["a"]|map("upper")|join
[{"a":1}]|map(attribute="a")|list
[{"a":1},{}]|map(attribute="a",default=0)|list
[{}]|map(attribute="a")|list
[[1,2]]|map(attribute=0)|list
[[1,2]]|map("first")|list
["a-b"]|map("replace","-","+")|list
[1]|map("nope")|list
[1]|map|list
x|map("upper")|list
[1,2,3,4]|select("odd")|list
[1,0,none]|select|list
[1,2]|reject("odd")|list
[1,2,3]|select("gt",1)|list
[1,2,3]|select(">=",2)|list
[{"a":1},{"a":2}]|selectattr("a","equalto",2)|list
[{"a":1},{}]|selectattr("a")|list
[{"a":1},{}]|selectattr("a","defined")|list
[{"a":1},{}]|rejectattr("a","defined")|list
["a",1]|select("string")|list
[1]|select("nope")|list
[1]|selectattr|list
[{"r":"u"},{"r":"a"}]|selectattr("r","in",["u"])|list
[{"c":"a","n":1},{"c":"B","n":2},{"c":"A","n":3}]|groupby("c")
[{"a":1},{}]|groupby("a",default=0)
1000|filesizeformat
1500000|filesizeformat
1024|filesizeformat(true)
1|filesizeformat
"x"|attr("upper")|string|length > 0
{"a":1}|attr("a")
"a"|abs
1.5|abs
none is none
x is defined
x is undefined
1 is number
true is number
1.5 is number
"a" is string
("a"|safe) is string
[] is sequence
"a" is sequence
{} is sequence
x is sequence
1 is sequence
none is sequence
range(3) is sequence
{}.items() is sequence
([1]|map("string")) is sequence
([1]|map("string")) is iterable
[] is iterable
"a" is iterable
1 is iterable
x is iterable
{} is mapping
[] is mapping
true is boolean
1 is boolean
true is true
1 is true
false is false
1 is integer
true is integer
1.0 is integer
1.0 is float
range is callable
"a" is callable
"a".upper is callable
x is callable
3 is odd
2 is even
"a" is odd
1.5 is odd
9 is divisibleby 3
9 is divisibleby(4)
9 is divisibleby 0
1 is eq 1
1 is equalto(1.0)
1 is ne 2
1 is lt 2
1 is gt 2
2 is ge 2
2 is le 1
1 is sameas 1
none is sameas none
[] is sameas []
"a" is in "abc"
1 is in [1]
1 is not in [1]
"abc" is lower
"ABC" is upper
"1" is lower
x is lower
1 is not string
"upper" is filter
"nope" is filter
"odd" is test
"x" is escaped
1 is nope
x is not defined and 1
1 is defined and x is not defined
[1,"a",none,true,1.5,{"k":[]}]|tojson
{"a":1}|tojson(indent=2)
{}|tojson(indent=2)
[]|tojson(indent=2)
[[],{}]|tojson(indent=2)
{"a":[1,2]}|tojson(indent=0)
{"b":1,"a":2}|tojson(sort_keys=true)
[1,2]|tojson(separators=(",",":"))
{"a":[1]}|tojson(indent=1,separators=(",",":"))
"é👋<>&'\u2028\x7f"|tojson
"é👋\x7f"|tojson(ensure_ascii=true)
x|tojson
({"a":1}.items())|tojson
(1,2)|tojson
{1:2,none:3,true:4,1.5:5}|tojson
{(1,):1}|tojson
1e400|tojson
("nan"|float)|tojson
1e16|tojson
1e-7|tojson
("a"|safe)|tojson
range(3)|tojson
([1]|map("string"))|tojson
2**70|tojson
1.0|tojson
[1]|tojson(indent="--")
[1]|tojson(4)
[1]|tojson(false,2)
namespace(a=1)|tojson
{"a":1}|tojson|safe
dict(a=1)
dict({"a":1},b=2)
dict([("a",1)])
dict()
namespace(a=1).a
namespace(a=1)["a"]
namespace(a=1).b
namespace(_a=1)
namespace({"a":1}).a
namespace(a=1)
cycler("a","b").next()
cycler()
joiner()()
raise_exception("boo: x")
raise_exception(1)
range("a")
range(1,2,0)
range(1.5)
loop is defined
nope()
nope.a.b
messages[0].x.y
messages[5].x
messages.foo
1|nope
1 if true else (1|nope)
"a"(1)
[1,2](0)
{"a": 1}["a"]()
[1,2,3,][1]
{"a":1,}
(1,2,)
((1))
[(1,2),(3,)]
{"a":{"b":{"c":1}}}.a.b.c
{"a":[{"b":1}]}["a"][0]["b"]
[1,2].0
"a".upper().lower()
"a b".split()[0].upper()
("a" if true else "b").upper()
"abc"[1].upper()
-"a"
+"a"
-x
-none
+true
-true
--1
not not 1
1 and 0 or 5
"" or none or "z"
(x or "d")|upper
"x" if "a" in "abc" and "b" not in "xyz" else "y"
1 == 1 == 1
1 < 3 > 2
"a" != "b" != "a"
[x]
{"a":x}
[x]|tojson
(x,)
"" ~ x
x ~ "a"
[1,[2,[3]]]
"a" < "B"
"👋" > "z"
1.5 == 3/2
0.1+0.2
1e22
123456.789e3
1/7
100.0
1e5
2.5e-8
1e-5 + 0
5e-324
1.7976931348623157e308
9007199254740993.0
0.1
1e23
4.35
3.0e10
"%-5d|" % 42
"%5s|%-5s|" % ("a","b")
"{:<5}|".format("a")
"{:^5}|".format("a")
"{:10.3f}|".format(2.5)
"{:5}|".format(1.5)
strftime_now("%Y-%m-%d %H:%M:%S %a %A %b %B %j %p %I %y %e %-d %-m %U %W %u %w %V %G %C %D %F %T %R %c %x %X %% %f %k %l %h %Z|%z")
"q\"q"
['a"b']
["a'b\"c"]
"<a&'\">"|e
"\b\f\n\r\t\x01\"\\/"|tojson
'''.strip().split("\n")

# One template a line.
STATEMENTS = r'''
{% for i in [1,2,3] %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }}{{ loop.cycle('a','b') }}{{ loop.changed(i//2) }}{{ loop.previtem }}{{ loop.nextitem }};{% endfor %}
{% for i in [] %}x{% else %}none{% endfor %}
{% for i in [1,2,3] if i != 2 %}{{ i }}{{ loop.length }}{{ loop.last }}{% endfor %}
{% for a, b in [(1,2),(3,4)] %}{{ a }}{{ b }}{% endfor %}
{% for a, (b, c) in [(1,(2,3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}
{% for a, b in [(1,2,3)] %}{{ a }}{% endfor %}
{% for a, b in [(1,)] %}{{ a }}{% endfor %}
{% for a, b in [1] %}{{ a }}{% endfor %}
{% for i in x %}a{% else %}b{% endfor %}
{% for i in none %}a{% endfor %}
{% for i in 5 %}a{% endfor %}
{% for i in "abc" %}{{ i }}{{ loop.last }}{% endfor %}
{% for k in {"a":1,"b":2} %}{{ k }}{% endfor %}
{% for i in [[1,[2]],3] recursive %}{% if i is iterable %}[{{ loop(i) }}]{% else %}{{ i }}{{ loop.depth }}{% endif %}{% endfor %}
{% for i in [1,2] %}{% for j in [3,4] %}{{ loop.index }}{% endfor %}{{ loop.index }}{% endfor %}
{% for i in [1,2,3,4] %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 4 %}{% break %}{% endif %}{{ i }}{% endfor %}
{% set x = 1 %}{% for i in [1,2] %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}
{% set ns = namespace(x=0) %}{% for i in [1,2] %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}
{% set d = {} %}{% set d.x = 1 %}
{% set _ = 5 %}{{ _ }}
{% if true %}{% set y = 1 %}{% endif %}{{ y }}
{% if false %}{% set y = 1 %}{% endif %}{{ y is defined }}
{% for i in [1] %}{% set z = 1 %}{% endfor %}{{ z is defined }}
{% with a=1, b=2 %}{{ a }}{{ b }}{% endwith %}{{ a is defined }}
{% set a = 1 %}{% with a=2, b=a %}{{ a }}{{ b }}{% endwith %}
{% set a %}x{{ 1 }}y{% endset %}{{ a|upper }}{{ a is string }}
{% set a | upper | replace("X", "z") %}x{{ 1 }}y{% endset %}{{ a }}
{% set a %}{% set q = 1 %}{% endset %}{{ q is defined }}
{% filter upper %}abc{{ "d" }}{% endfilter %}
{% filter replace("a", "b") | upper %}abc{% endfilter %}
{% macro f(a, b=2, c=a) %}{{ a }}{{ b }}{{ c }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1) }}{{ f(1, c=5) }}{{ f(1,2,3,4,k=5) }}{{ f() }}
{% macro f(a) %}{{ a }}{% endmacro %}{{ f(1,2) }}
{% macro f(a) %}{{ a }}{% endmacro %}{{ f(b=1) }}
{% macro f(a) %}{{ a is defined }}{{ a }}{% endmacro %}{{ f() }}{{ f(none) }}
{% macro f(a) %}{{ a.b }}{% endmacro %}{{ f() }}
{% macro f() %}[{{ caller() }}]{% endmacro %}{% call f() %}x{% endcall %}
{% macro f() %}[{{ caller(1, 2) }}]{% endmacro %}{% call(a, b=5) f() %}{{ a }}{{ b }}{% endcall %}
{% macro f() %}[{{ caller() }}]{% endmacro %}{{ f() }}
{% macro f() %}x{% endmacro %}{% call f() %}y{% endcall %}
{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n-1) }}{% endif %}{% endmacro %}{{ f(5) }}
{% macro f() %}{{ g }}{% endmacro %}{% set g = 5 %}{{ f() }}
{% for i in [1,2] %}{% macro f() %}{{ i }}{% endmacro %}{{ f() }}{% endfor %}
{% macro f() %}{% set q = 1 %}{% endmacro %}{{ f() }}{{ q is defined }}
{{ f() }}{% macro f() %}x{% endmacro %}
{% macro f(a) %}{{ a }}{% endmacro %}{{ f(*[1]) }}{{ f(**{"a":2}) }}{{ f.name }}{{ f.arguments }}{{ f }}
{% set x, y = 1, 2 %}{{ x }}{{ y }}
{% set x = 1, 2 %}{{ x }}
{% generation %}a{% set q = 1 %}{% endgeneration %}{{ q is defined }}
{% raw %}{{ x }} {% if %}{% endraw %}b
{%- raw -%}  {{ x }}  {%- endraw -%}  b
a  {%- raw %} x {% endraw -%} b
{% block a %}x{% endblock %}y
{% block a %}x{% endblock a %}y
{% print 1, 2 %}
{# c #}a{#- c -#} b
a {#- c #} b
a
{# c #}
b
  {# c #}
b
{% if true %}
a
{% endif %}
b
  {% if true %}
  a
  {% endif %}
b
  {%+ if true %}
  a
  {%+ endif +%}
b
{% if true -%}
 a
{%- endif %}
b
x {{- 1 -}} y
{{ 1 }}
{{ 2 }}
{{ "a" -}}
b
	{% if true %}x{% endif %}	y
a{% if true %}
b{% endif %}
{%if true%}a{%endif%}
{% if 1 %}a{% elif 2 %}b{% else %}c{% endif %}
{% if 0 %}a{% elif 2 %}b{% else %}c{% endif %}
{% if x %}a{% else %}c{% endif %}
{% if true: %}a{% endif %}
{% if %}a{% endif %}
{% if true %}a
{% endif %}
{% for i in [1] %}
{% foo %}
{% if true %}{% endfor %}{% endif %}
{{ 1
{{ (1 }}
{{ [1) }}
{{ 1) }}
{{ "abc }}
{{ 'a' ? }}
{{ }}
{{ 1 2 }}
{{ a.1b }}
{{ a. }}
{{ a..b }}
{{ a[ }}
{{ {1} }}
{{ {1:} }}
{{ f(a=1, 2) }}
{{ f(*a, *b) }}
{{ 1 | }}
{{ 1 is }}
{{ 1 is not }}
{{ 1 is string is number }}
{{ $ }}
{# unclosed
{% raw %} unclosed
{% set 1 = 2 %}
{% set true = 2 %}
{% set a.b.c = 2 %}
{% set a %}x
{% for true in [1] %}{% endfor %}
{% macro f(a=1, b) %}{% endmacro %}
{% macro %}{% endmacro %}
{% else %}
{% endif %}
{% call 1 %}{% endcall %}
{{ 1 | nope }}
{{ 1 is nope }}
{% if false %}{{ 1 | nope }}{% endif %}ok
{% if false %}{{ 1 is nope }}{% endif %}ok
{{ 1 if true else 1|nope }}
{% for i in [] %}{{ 1|nope }}{% endfor %}
{% macro f() %}{{ 1|nope }}{% endmacro %}
{{ "\x4" }}
{{ "\N{BULLET}\u00e9\U0001F44B\101\q\
z" }}
{{ "a
b" }}
{% set x = "  a " %}{{ x.strip() }}{{ x|trim }}
{%- for m in messages %}{{ m.role }}{% if not loop.last %},{% endif %}{%- endfor %}
{{ messages[0]["content"] }}{{ messages[0].content.foo }}{{ messages[-1].role }}
{{ messages }}
{{ messages|tojson }}
{{ tools }}{{ tools is none }}{{ documents }}{{ add_generation_prompt }}{{ bos_token }}
{% set messages = messages[1:] %}{{ messages }}
{% for i in range(3) %}{{ loop.nextitem is defined }}{{ loop.previtem is defined }}{% endfor %}
{% set found = namespace(v=false) %}{% for i in [1,2,3] if not found.v %}{{ i }}{% if i == 2 %}{% set found.v = true %}{% endif %}{% endfor %}
{% for i in [1,2,3]|map("string") %}{{ loop.length }}{{ i }}{% endfor %}
{% set g = [1,2]|map("string") %}{{ g|list }}{{ g|list }}
{% for i in [3,1]|sort %}{{ i }}{% endfor %}
{% set a = [1] + [2] %}{{ a }}{% set b = a %}{{ a == b }}
{{ loop }}
{% for i in [1] %}{{ loop }}{% endfor %}
{% set loop = 1 %}{{ loop }}
{% for i in [1] %}{% set i = 5 %}{{ i }}{% endfor %}
{{ {"a": 1, "a": 2} }}
{{ [1, 2] == [1.0, 2.0] }}{{ 1 in {1.0: 2} }}
{% if messages[0].nothing is defined %}a{% else %}b{% endif %}
{% if "x" in messages[0] %}a{% endif %}
{{ "a" if false }}{{ ("a" if false) ~ "b" }}
{% set ns = namespace() %}{% set ns._x = 1 %}
{% set ns = namespace(a=1) %}{{ ns.a }}{{ ns.b is defined }}{{ ns }}
{{ "\r\n" }}|
{{- '' }}  x
{%- set x = 5 -%}  
y
{{ x|default(none) is none }}
{% for x in [1,2] %}{{ x }}{% endfor %}{{ x is defined }}
{% set outer = 1 %}{% macro m() %}{{ outer }}{% set outer = 2 %}{{ outer }}{% endmacro %}{{ m() }}{{ outer }}
{% for i in range(2) %}{% if i == 0 %}{% set v = "a" %}{% endif %}{{ v is defined }}{% endfor %}
{% set v = "o" %}{% for i in range(2) %}{% if i == 0 %}{% set v = "a" %}{% endif %}{{ v }}{% endfor %}
'''.strip("\n").split("\n")

LINES = [ "a\n  {% if true %}\nb\n  {% endif %}\nc\n","a\n\n","a\n","\n","","{{ 1 }}\n\n","a\r\nb\rc\n","  {% if true %}x{% endif %}  \n  y","x\n   {{ 1 }}\n","{% for i in [1,2] %}\n  {{ i }}\n{% endfor %}\nend","{%- if true %}\n\n a {%- endif +%}\n b","a {#- c -#}\n b","  {#+ c #}\n b","{% set x %}\n  a\n{% endset %}\n[{{ x }}]","a\n\t \t{%- if true -%}\n\t x \t{%- endif -%}\n\n","{% raw %}\n a\n  {% endraw %}\n b","{%- raw -%}\n a\n  {%- endraw -%}\n b","{% raw -%}  \n  {% endraw %}x","x\n  {% raw %}y{% endraw %}","{{ '\n' }}\n{{- '\n' -}}\n","a\n{{ x.y }}\n","a\n\n{% if a.b %}\nx{% endif %}"]

ATOMS = ["{%- if t %}", "{% if t -%}", "{% if t %}", "{%+ if t %}", "{% if t +%}", "  ", "\n", " \n", "\t", "x", "{{ 1 }}", "{{- 1 }}", "{{ 1 -}}", "{# c #}", "{#- c #}",
         "{# c -#}", "{#+ c +#}", "\n\n", "\u00a0", "\x0b", "{% set y = 1 %}", "{%- set y = 1 -%}", "{% raw %} r {% endraw %}", "{%- raw -%}\n q\n {%- endraw -%}"]


def white_space(count):
    """Random mixtures of tags with all kinds of white space control."""
    random_source = random.Random(7)
    for _ in range(count):
        text, depth = "", 0
        for _ in range(random_source.randint(1, 14)):
            atom = random_source.choice(ATOMS)
            depth += " if t" in atom
            text += atom
            if depth and random_source.random() < 0.4:
                text += random_source.choice(["{% endif %}", "{%- endif %}", "{% endif -%}", "{%+ endif %}", "{% endif +%}"])
                depth -= 1
        yield text + "{% endif %}" * depth + random_source.choice(["", "\n", "\n\n", " "])


TEMPLATES = ["{{ " + e + " }}" for e in EXPRESSIONS] + STATEMENTS + LINES + list(white_space(400))
