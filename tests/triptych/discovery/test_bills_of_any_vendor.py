"""Bills that no source knows are read by their columns, or asked about, never guessed.

Columns are those that vendors document: GitHub's usage report and Copilot's premium
requests, Cursor's usage events, Claude Console's exports, RunPod's billing history,
LiteLLM's table of spend logs (its schema), Modal's billing report (modal.com/docs),
Snowflake's view USAGE_IN_CURRENCY_DAILY, Vast's invoices (docs.vast.ai), Fireworks'
billing metrics (docs.fireworks.ai), Databricks' table system.billing.usage. DeepSeek's
are those of public readers. They quote four columns of OpenAI's cost export;
the others are those of its costs API. Lambda, CoreWeave, Together, Replicate and
ElevenLabs document no file with money. The others are what accountants make of an
invoice. Totals are added up on paper.
"""

from __future__ import annotations

import zipfile
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
import yaml
from typer.testing import CliRunner

from triptych.cli import app
from triptych.core.errors import UsageError
from triptych.discovery.first_workspace import workspace_from

if TYPE_CHECKING:
    from pathlib import Path

GITHUB = """\
date,product,sku,quantity,unit_type,applied_cost_per_quantity,gross_amount,\
discount_amount,net_amount,organization,repository,cost_center_name
2026-09-01,copilot,copilot_premium_request,1200,requests,0.04,48.00,12.00,36.00,acme,,R&D
2026-09-02,copilot,copilot_for_business,10,user-months,19,190.00,0,190.00,acme,,R&D
2026-09-02,actions,actions_linux,100,minutes,0.008,0.80,0.80,0.00,acme,web,Web
"""
CURSOR = """\
Date,Kind,Model,Max Mode,Input (w/ Cache Write),Input (w/o Cache Write),Cache Read,\
Output Tokens,Total Tokens,Cost
2026-09-03T10:00:00.000Z,Included,claude-4.5-sonnet,No,100,2000,30000,500,32600,Included
2026-09-03T11:00:00.000Z,On-Demand,gpt-5,No,0,4000,9000,700,13700,0.42
2026-09-04T11:00:00.000Z,On-Demand,gpt-5,Yes,0,4000,9000,700,13700,$1.08
"""
CLAUDE = """\
usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd,\
list_price_usd,cost_type,inference_geo,speed,api_key_id,api_key_status
2026-09-01,Claude Sonnet 4.5,Support,key-1,message,≤ 200k,input_no_cache,12.345678,\
13.00,token,global,,apikey_01,active
2026-09-02,Claude Sonnet 4.5,Support,key-1,message,> 200k,output,7.604322,\
8.00,token,global,,apikey_01,active
2026-09-02,,Support,key-1,,,,0.05,0.05,web_search,,,apikey_01,active
"""
RUNPOD = """\
time,podId,gpuTypeId,timeBilledMs,diskSpaceBilledGB,amount
2026-09-01 00:00:00,pod1,NVIDIA H100 80GB HBM3,86400000,50,64.56
2026-09-02 00:00:00,pod1,NVIDIA H100 80GB HBM3,43200000,50,32.28
"""
INVOICE = """\
Description,Period start,Period end,Quantity,Unit price,Amount (EUR)
H100 node reserved,01.09.2026,30.09.2026,720,"2,10","1.512,00"
Egress,01.09.2026,30.09.2026,1,"8,00","8,00"
"""
OPENAI = """\
start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,line_item,\
project_id,project_name,organization_id,organization_name
1788220800,1788307200,2026-09-01T00:00:00+00:00,2026-09-02T00:00:00+00:00,1.50,usd,\
"gpt-5, input",proj_1,Support,org-1,Acme
1788307200,1788393600,2026-09-02T00:00:00+00:00,2026-09-03T00:00:00+00:00,6.25,usd,\
"gpt-5, output",proj_1,Support,org-1,Acme
"""
LITELLM = """\
request_id,call_type,api_key,spend,total_tokens,prompt_tokens,completion_tokens,\
startTime,endTime,model,user,team_id,messages
r1,acompletion,88dc28,0.0125,1200,1000,200,2026-09-01 10:00:00.123,\
2026-09-01 10:00:01.500,gpt-4o,ann@example.com,support,my secret
r2,acompletion,88dc28,5e-05,12,10,2,2026-09-02 10:00:00.123,\
2026-09-02 10:00:01.500,gpt-4o-mini,ann@example.com,support,my secret
"""
MODAL = """\
object_id,description,environment_name,interval_start,cost
ap-1,train-embeddings,main,2026-09-01 00:00:00,12.34
ap-1,train-embeddings,main,2026-09-02 00:00:00,0.66
"""
SNOWFLAKE = """\
ORGANIZATION_NAME,CONTRACT_NUMBER,ACCOUNT_NAME,ACCOUNT_LOCATOR,REGION,SERVICE_LEVEL,\
USAGE_DATE,USAGE_TYPE,CURRENCY,USAGE,USAGE_IN_CURRENCY,BALANCE_SOURCE,SERVICE_TYPE
ACME,1001,PROD,ab1,AWS_EU_WEST_1,Enterprise,2026-09-01,compute,USD,3.20,9.60,\
capacity,WAREHOUSE_METERING
ACME,1001,PROD,ab1,AWS_EU_WEST_1,Enterprise,2026-09-02,compute,USD,0.80,2.40,\
capacity,AI_SERVICES
"""
VAST = """\
type,description,timestamp,quantity,rate,amount,instance_id
charge,Instance 123 GPU charge: hours * $/hr,1788220800,10.000,0.1000,1.000,123
charge,Instance 123 GPU charge: hours * $/hr,1788307200,24.000,0.1000,2.400,123
"""
DEEPSEEK = """\
user_id,start_time_iso,end_time_iso,model,wallet_type,cost,currency
u1,2026-09-01T00:00:00+00:00,2026-09-02T00:00:00+00:00,deepseek-chat,paid,4.10,USD
"""
#: Files that state use and no money: their columns must not become an amount.
WITHOUT_MONEY = {
    "fireworks.csv": """\
email,start_time,end_time,usage_type,accelerator_type,accelerator_seconds,\
base_model_name,model_bucket,parameter_count,prompt_tokens,completion_tokens
a@example.com,2026-09-01 17:16:48 UTC,2026-09-01 17:16:48 UTC,\
TEXT_COMPLETION_INFERENCE_USAGE,,,llama-v3p1-8b,Llama,8000000000,100,20
""",
    "claude-usage.csv": """\
usage_date_utc,model_version,api_key,workspace,usage_type,context_window,\
usage_input_tokens_no_cache,usage_input_tokens_cache_read,usage_output_tokens
2026-09-01,claude-haiku-4-5-20251001,key,Default,standard,≤ 200k,622,0,423
""",
    "databricks.csv": """\
account_id,workspace_id,record_id,sku_name,cloud,usage_start_time,usage_end_time,\
usage_date,usage_unit,usage_quantity,billing_origin_product
a1,w1,r1,ENTERPRISE_SERVERLESS_REAL_TIME_INFERENCE,AWS,2026-09-01 00:00:00,\
2026-09-01 01:00:00,2026-09-01,DBU,1.25,MODEL_SERVING
""",
}
#: File → what is in it: the currency, the total, the rows.
BILLS = {
    "openai-cost.csv": (OPENAI, "USD", Decimal("7.75"), 2),
    "litellm.csv": (LITELLM, "USD", Decimal("0.01255"), 2),
    "modal-report.csv": (MODAL, "USD", Decimal("13.00"), 2),
    "snowflake.csv": (SNOWFLAKE, "USD", Decimal("12.00"), 2),
    "vast.csv": (VAST, "USD", Decimal("3.400"), 2),
    "deepseek.csv": (DEEPSEEK, "USD", Decimal("4.10"), 1),
    "github.csv": (GITHUB, "USD", Decimal("226.00"), 3),
    "cursor-usage.csv": (CURSOR, "USD", Decimal("1.50"), 3),
    "claude.csv": (CLAUDE, "USD", Decimal("20.000000"), 3),
    "runpod.csv": (RUNPOD, "USD", Decimal("96.84"), 2),
    "coreweave-invoice.csv": (INVOICE, "EUR", Decimal("1520.00"), 2),
}


def run_cli(*args: str) -> tuple[int, str, str]:
    """Run a command in this process; return its code, output and errors."""
    result = CliRunner().invoke(app, list(args))
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("name", BILLS)
def test_a_bill_is_read_by_its_columns(tmp_path: Path, name: str) -> None:
    content, currency, total, count = BILLS[name]
    (tmp_path / name).write_text(content, "utf-8")
    first = workspace_from(tmp_path / "ws", [tmp_path / name])
    [report] = first.taken
    assert (report.costs, report.row_count) == ({currency: total}, count)
    assert not report.refused
    assert report.months == ("2026-09",)
    sources = yaml.safe_load(first.workspace.settings_file.read_text("utf-8"))
    mapped = [each for each in sources["sources"] if "mapping" in each]
    assert len(mapped) == 1
    assert (first.workspace.root / mapped[0]["path"] / name).is_file()


@pytest.mark.parametrize("name", WITHOUT_MONEY)
def test_a_file_of_use_without_money_is_no_bill(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(WITHOUT_MONEY[name], "utf-8")
    code, out, err = run_cli(
        "init", str(tmp_path / "ws"), "--from", str(tmp_path / name), "--yes"
    )
    assert code != 0, out
    assert name in out + err
    assert not (tmp_path / "ws" / "triptych.yml").exists()


def test_no_tag_names_a_person_or_has_a_prompt(tmp_path: Path) -> None:
    (tmp_path / "litellm.csv").write_text(LITELLM, "utf-8")
    first = workspace_from(tmp_path / "ws", [tmp_path / "litellm.csv"])
    [report] = first.taken
    assert {tag.key for tag in report.tags} == {
        *("call_type", "api_key", "model", "team_id")
    }


def test_all_of_them_are_run_and_add_up(tmp_path: Path) -> None:
    """226.00 + 1.50 + 20.00 + 96.84 + 7.75 + 0.01255 + 13 + 12 + 3.40 + 4.10 dollars.

    The invoice in euros stays apart.
    """
    folder = tmp_path / "named"
    folder.mkdir()
    for name, (content, *_) in BILLS.items():
        (folder / name).write_text(content, "utf-8")
    code, _, err = run_cli("init", str(tmp_path / "ws"), "--from", str(folder), "--yes")
    assert code == 0, err
    code, out, err = run_cli("run", "--workspace", str(tmp_path / "ws"))
    assert code == 0, err
    sql = (
        "SELECT currency, sum(billed_cost) FROM cost.mart_cost_waterfall"
        " WHERE step = 'ledger' GROUP BY currency ORDER BY currency"
    )
    code, out, _ = run_cli(
        "sql", sql, "--format", "csv", "--workspace", str(tmp_path / "ws")
    )
    amounts = [line.split(",") for line in out.strip().splitlines()[1:]]
    assert {code: Decimal(amount) for code, amount in amounts} == {
        "EUR": Decimal(1520),
        "USD": Decimal("384.60255"),
    }


def test_an_archive_and_another_separator_are_opened(tmp_path: Path) -> None:
    """36 of GitHub's 226 were premium requests; 1,520 of the invoice in one archive."""
    with zipfile.ZipFile(tmp_path / "bills.zip", "w") as archive:
        archive.writestr("2026/github.csv", GITHUB.replace(",", ";"))
        archive.writestr("2026/coreweave-invoice.csv", INVOICE)
        archive.writestr("2026/read me.pdf", b"%PDF")
    code, out, err = run_cli(
        "init", str(tmp_path / "ws"), "--from", str(tmp_path / "bills.zip"), "--yes"
    )
    assert code == 0, err
    assert "USD 226.00, 3 rows" in out
    assert "EUR 1,520.00, 2 rows" in out
    code, _, err = run_cli("run", "--workspace", str(tmp_path / "ws"))
    assert code == 0, err
    _, out, _ = run_cli(
        *("sql", "SELECT sum(row_count)::int FROM core.mart_loads", "--format", "csv"),
        *("--workspace", str(tmp_path / "ws")),
    )
    assert out.strip().splitlines()[-1] == "5"


def test_an_archive_that_is_damaged_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "bills.zip").write_bytes(b"PK but no archive")
    with pytest.raises(UsageError, match="cannot be unpacked"):
        workspace_from(tmp_path / "ws", [tmp_path / "bills.zip"])
    assert not (tmp_path / "ws").exists()


#: Ends that are moments come after the charge; a row without a day is no charge.
BUCKETS = """\
start_time,end_time,amount_value,amount_currency,line_item,user_email
2026-09-29T00:00:00Z,2026-09-30T00:00:00Z,0.50,usd,gpt-5 input,a@example.com
2026-09-30T00:00:00Z,2026-10-01T00:00:00Z,0.25,usd,gpt-5 output,b@example.com
,,0.75,usd,Total,
"""


def test_a_moment_ends_a_charge_and_a_total_is_refused(tmp_path: Path) -> None:
    """0.75 of 1.50; no person is a tag."""
    (tmp_path / "openai.csv").write_text(BUCKETS, "utf-8")
    first = workspace_from(tmp_path / "ws", [tmp_path / "openai.csv"])
    [report] = first.taken
    assert report.costs == {"USD": Decimal("0.75")}
    assert sum(report.refused.values()) == 1
    assert not [tag.key for tag in report.tags if "email" in tag.key]
    code, _, err = run_cli("run", "--workspace", str(first.workspace.root))
    assert code == 0, err
    _, out, _ = run_cli(
        "sql",
        "SELECT min(charge_date), max(charge_date), sum(billed_cost)::decimal(9, 2)"
        " FROM cost.fct_daily_service_costs",
        *("--format", "csv", "--workspace", str(first.workspace.root)),
    )
    assert out.strip().splitlines()[-1] == "2026-09-29,2026-09-30,0.75"


@pytest.mark.parametrize(
    ("order", "month"), [("day first", "2026-09"), ("month first", "2026-03")]
)
def test_the_order_of_a_date_is_asked(tmp_path: Path, order: str, month: str) -> None:
    bill = tmp_path / "lambda.csv"
    bill.write_text("date,description,cost (USD)\n03/09/2026,A100,5.00\n", "utf-8")
    with pytest.raises(UsageError) as refused:
        workspace_from(tmp_path / "ws", [bill])
    assert "--map dates=" in (refused.value.next_step or "")
    [report] = workspace_from(tmp_path / "ws", [bill], {"dates": order}).taken
    assert report.months == (month,)


def test_a_header_in_quotes_is_one_column(tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text('"day;cost"\n"2026-09-01;5.00"\n', "utf-8")
    with pytest.raises(UsageError, match="is a bill that can be loaded"):
        workspace_from(tmp_path / "ws", [tmp_path / "odd.csv"])


def test_a_vendor_called_as_the_first_source_is_another(tmp_path: Path) -> None:
    (tmp_path / "runpod.csv").write_text(RUNPOD, "utf-8")
    first = workspace_from(
        tmp_path / "ws", [tmp_path / "runpod.csv"], {"vendor": "Bills"}
    )
    names = yaml.safe_load(first.workspace.settings_file.read_text("utf-8"))
    assert [each["name"] for each in names["sources"]] == ["bills", "bills-2"]


UNCLEAR = """\
day,gross,paid,team
2026-09-01,12.00,10.00,a
2026-09-02,8.00,8.00,b
"""


def test_what_is_not_clear_is_asked_and_kept(tmp_path: Path) -> None:
    """Two columns of money and no currency: 18.00 paid, if told so."""
    bill = tmp_path / "modal.csv"
    bill.write_text(UNCLEAR, "utf-8")
    with pytest.raises(UsageError) as refused:
        workspace_from(tmp_path / "ws", [bill])
    assert "amount" in str(refused.value)
    assert "currency" in str(refused.value)
    assert "--map amount=" in (refused.value.next_step or "")
    assert not (tmp_path / "ws").exists()
    code, out, err = run_cli(
        *("init", str(tmp_path / "ws"), "--from", str(bill), "--yes"),
        *("--map", "amount=paid", "--map", "currency=USD"),
    )
    assert code == 0, err
    assert "18.00" in out


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("amount=costs", "has no column costs"),
        ("price=paid", "day, end, amount, currency"),
        ("amount", "ROLE=COLUMN"),
        ("day=team", "no date"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused(
    tmp_path: Path, wrong: str, words: str
) -> None:
    bill = tmp_path / "modal.csv"
    bill.write_text(UNCLEAR, "utf-8")
    code, _, err = run_cli(
        *("init", str(tmp_path / "ws"), "--from", str(bill), "--yes"),
        *("--map", "amount=paid", "--map", "currency=USD", "--map", wrong),
    )
    assert code == 2
    assert words in " ".join(err.split())
    assert not (tmp_path / "ws").exists()


@pytest.mark.parametrize(
    "content",
    [
        "id,name,team\n1,a,x\n2,b,y\n",
        "date,requests,tokens\n2026-09-01,12,300\n2026-09-02,8,200\n",
        "date,score,comment\n2026-09-01,4,good\n",
        "date,model,cost_usd\n2026-09-30T23:30:00-05:00,gpt-5,1.50\n",
    ],
)
def test_a_table_without_money_or_a_day_in_utc_is_no_bill(
    tmp_path: Path, content: str
) -> None:
    (tmp_path / "table.csv").write_text(content, "utf-8")
    with pytest.raises(UsageError, match="is a bill that can be loaded"):
        workspace_from(tmp_path / "ws", [tmp_path / "table.csv"])


def test_runs_are_of_what_was_mapped(tmp_path: Path) -> None:
    """A later file of the same vendor is put into the folder and read alike."""
    (tmp_path / "runpod.csv").write_text(RUNPOD, "utf-8")
    first = workspace_from(tmp_path / "ws", [tmp_path / "runpod.csv"])
    later = RUNPOD.replace("2026-09", "2026-10").replace("64.56", "60.00")
    (first.workspace.root / "mapped/runpod/october.csv").write_text(later, "utf-8")
    code, _, err = run_cli("run", "--workspace", str(first.workspace.root))
    assert code == 0, err
    _, out, _ = run_cli(
        *("sql", "SELECT count(*) FROM core.mart_loads WHERE source = 'runpod'"),
        *("--format", "csv", "--workspace", str(first.workspace.root)),
    )
    assert out.strip().splitlines()[-1] == "2"
