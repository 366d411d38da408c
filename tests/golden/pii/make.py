"""Labelled cases for personal data, all values invented: python make.py > cases.jsonl

Values with check digits are made here by the definitions of the standards (Luhn, GB 11643, ISO 13616). `∥` joins the two
halves of every secret so that scanners do not take this file for a leak; the test removes it.
"""
import json
import random

rng = random.Random(20)
cases = []


def digits(n, first="123456789"):
    return rng.choice(first) + "".join(rng.choice("0123456789") for _ in range(n - 1))


def luhn(body):
    total = sum(sum(divmod(int(d) * (2 if i % 2 == 0 else 1), 10)) for i, d in enumerate(reversed(body)))
    return body + str(-total % 10)


def resident(area, date):
    body = area + date + digits(3)
    total = sum(int(d) * pow(2, 17 - i, 11) for i, d in enumerate(body))
    return body + "10X98765432"[total % 11]


def iban(country, bban):
    number = int("".join(str(int(c, 36)) for c in bban + country + "00"))
    return f"{country}{98 - number % 97:02d}{bban}"


def token(n, alphabet="abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"):
    while True:
        text = "".join(rng.choice(alphabet) for _ in range(n))
        if any(c.isdigit() for c in text) and any(c.isupper() for c in text):
            return text


def yes(kind, value, *contexts):
    for context in contexts:
        text = context.replace("@@", value)
        cases.append({"text": text, "expect": [[kind, value]]})


def no(*texts):
    cases.extend({"text": text, "expect": []} for text in texts)


# e-mail
for value in ("anna.weber@example.com", "li_wei88@mail.example.cn", "first+tag@sub.example.co.uk", "x@y-z.example",
              "o'neil@example.org", "1234567890@qq.example.com", "ops-team@example.io"):
    yes("email", value, "Write to @@.", "<@@>", "请发邮件到@@，谢谢", "邮箱：@@", "mailto:@@?subject=hi")
# telephone
for value in ("+49 30 901820", "+8613912345678", "+86 139 1234 5678", "+1 (415) 555-0132", "+44 20 7946 0958", "+33612345678"):
    yes("phone", value, "Call @@ today.", "电话：@@。", "Tel.: @@", "(@@)")
for value in ("13912345678", "138-1234-5678", "186 1234 5678", "86-15912345678", "010-62345678", "(021) 58881234", "0755-26543210-802", "400-810-8888"):
    yes("phone", value, "请拨打@@联系我们", "手机@@，微信同号", "My number is @@.")
for value in ("(415) 555-0132", "415-555-0132", "415.555.0132", "1-800-555-0199"):
    yes("phone", value, "Call @@ now.", "US office: @@", "美国电话：@@")
yes("phone", "4155550132", "Phone: @@", "please call @@", "whatsapp @@")
yes("phone", "62345678", "电话：@@", "座机 @@", "热线：@@")
# resident identity numbers
for area, date in (("110101", "19900307"), ("310115", "19851231"), ("440305", "20010229"[:6] + "28"), ("510104", "19720815"), ("330106", "19991001")):
    value = resident(area, date)
    yes("resident-id", value, "身份证号：@@", "证件@@有效", "ID number @@.", "他的身份证是@@，请核对")
    wrong = value[:-1] + ("1" if value[-1] != "1" else "2")
    no(f"身份证号：{wrong}", f"订单 {value[:6]}19901345{value[14:]} 已发货")
# bank cards
for body in ("453201511283036", "55555555555544"[:14] + "4", "622202100011234567", "37828224631000", "601100099013942", "353011133330000", "6217000010012345"[:15]):
    value = luhn(body)
    yes("bank-card", value, "Card @@ was charged.", "卡号：@@", "请转账至@@，谢谢")
    if len(value) == 16:
        yes("bank-card", " ".join(value[i:i + 4] for i in (0, 4, 8, 12)), "Card: @@", "银行卡 @@。")
        yes("bank-card", "-".join(value[i:i + 4] for i in (0, 4, 8, 12)), "pay with @@")
    wrong = value[:-1] + str((int(value[-1]) + 1) % 10)
    no(f"Card {wrong} was charged.", f"流水号：{wrong}")
# addresses of the Internet protocol
for value in ("203.0.113.7", "8.8.4.4", "192.168.1.254", "10.0.0.1"):
    yes("ip-address", value, "ping @@", "Server at @@:8080 is down.", "服务器地址是@@。", "http://@@/index")
for value in ("2001:db8::8a2e:370:7334", "fe80::1ff:fe23:4567:890a", "2001:0db8:85a3:0000:0000:8a2e:0370:7334"):
    yes("ip-address", value, "host @@ answers", "地址 @@，端口 80", "[@@]:443")
# secrets
for value in ("AKIA∥" + token(16, "ABCDEFGHJKLMNPQRSTUVWXYZ234567"), "ghp_∥" + token(36), "sk-∥" + token(48), "sk-proj-∥" + token(60),
              "xoxb-∥" + "2048-4096-" + token(24), "AIza∥" + token(35), "glpat-∥" + token(20), "hf_∥" + token(34),
              "eyJhbGciOiJIUzI1NiJ9∥.eyJzdWIiOiIxMjM0NTYifQ." + token(43)):
    yes("secret", value, "key = \"@@\"", "export TOKEN=@@", "密钥：@@，请勿外传", "Authorization: Bearer @@")
for kind in ("", "RSA ", "OPENSSH ", "EC "):
    yes("secret", f"-----BEGIN ∥{kind}PRIVATE KEY-----\nMIIEvQIBADANBg+kq/hkiG9w0\nBAQEFAASC==\n-----END ∥{kind}PRIVATE KEY-----", "file:\n@@\nend")
# IBAN
for country, bban in (("DE", "370400440532013000"), ("GB", "NWBK60161331926819"), ("FR", "20041010050500013M02606"), ("NL", "ABNA0417164300"), ("CH", "00762011623852957")):
    value = iban(country, bban)
    yes("iban", value, "IBAN @@.", "账户：@@", "Pay to @@, please")
    yes("iban", " ".join(value[i:i + 4] for i in range(0, len(value), 4)), "IBAN: @@.", "账号 @@，谢谢")
    no(f"IBAN {value[:-1] + ('1' if value[-1] != '1' else '2')}.")
# hard negatives
no("version 1.2.3.4 is out", "v1.2.3.4", "firmware: 10.2.0.1", "版本 2.1.0.3 已发布", "版本号：1.0.0.1", "第3.1.2.5节", "section 4.5.6.7",
   "999.999.999.999", "1.2.3", "1.2.3.4.5", "256.1.1.1", "108.0.0.01", "Release 7.0.0.1 notes", "a1.2.3.4b",
   "12:30:45", "at 10:15", "std::vector<int>", "a::b", "::", "ratio 3:4:5", "00:1A:2B:3C:4D:5E", "Foo::Bar::baz", "比分 3:2",
   "user@localhost", "foo@bar", "@mention hello", "name@example@example.com", "icon@2x.png", "a..b@example.com", "email@-example.com",
   "npm i @scope/package@1.2.3", "decorators like @Input.name", "あいうえお@", "git@",
   "Order 4155550132 shipped", "ISBN 9787111213826", "ISBN 978-7-111-21382-6", "The year 2023-2024", "2023-11-23 15:55:53", "20231123155553",
   "Price 13912345678901", "订单号 1391234567", "订单号20231123139123456789", "编号：12912345678", "3.14159265358979", "1,234,567,890",
   "0.13912345678", "型号 ABC13912345678", "13912345678.5 is a number", "总计 1391234.56 元", "GB 11643-1999", "RFC 5322", "ISO 7064:1983",
   "id=550e8400-e29b-41d4-a716-446655440000", "sha1 da39a3ee5e6b4b0d3255bfef95601890afd80709", "md5 d41d8cd98f00b204e9800998ecf8427e",
   "sk-learn is a package", "sk-this-is-only-a-long-kebab-case-name", "ghp_short", "AKIA is a prefix", "AKIAAAAAAAAAAAAAAAAA", "xoxb-", "hf_hub_download",
   "-----BEGIN CERTIFICATE-----", "-----BEGIN PUBLIC KEY-----", "ssh-rsa AAAAB3NzaC1yc2E", "eyJ is how it starts", "4444444444444444", "0000000000000000",
   "1234567890123456", "6666 6666 6666 6666", "DE00 0000 0000 0000 0000 00", "GB12 is a postcode", "FR is France", "NL91ABNA",
   "+1", "+12 points", "C++11", "1+23456789", "+5 to +10", "-40 +85", "room 415-555", "555-0132", "code 010-6234", "010 is binary",
   "2.4.1.0 版本的固件", "IPv4 and IPv6", "0.0.0.0", "x = 62345678", "数量 62345678", "pi is 3.141592653", "100-200-3000", "12-345-6789",
   "人民币 6222 元", "QQ 群 123456", "邮编 100084", "身份证 18 位", "手机 5G 版", "电话会议在 10 点", "第 13912 页", "2020-2021-1-15",
   "The call of 2024 was heard", "phones: 3 for 12", "call 911", "传真机 3 台", "SKU 2222-3333-4444", "coordinates 39.9042, 116.4074")
# several at once, and nothing beside them
yes("email", "a@example.com", "On 2023-11-23 version 1.2.3.4 went to @@ (order 20231123155553).", "2023年11月23日 发到@@，版本号 1.2.3.4。")
both = [["phone", "13912345678"], ["email", "li@example.cn"]]
cases.append({"text": "手机13912345678，邮箱li@example.cn，版本 1.2.3.4", "expect": both})
cases.append({"text": "13912345678/li@example.cn"[:11] + " / li@example.cn", "expect": both})

for case in cases:
    print(json.dumps(case, ensure_ascii=False))
