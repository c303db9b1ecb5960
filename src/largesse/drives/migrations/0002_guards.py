"""
What the database itself refuses: payments and contracts that change, refunds beyond what was paid, and expenses that are booked
without the approval of two people.

On PostgreSQL a refund's trigger locks its settlement first, so that two at once see each other; on SQLite there is one writer.
"""

from django.db import migrations

HISTORIES = ("contract", "settlement", "refund", "refundoutcome", "dispute", "approval", "providerevent")
ONLY_GROWS = "payments and contracts only grow"
TOO_MUCH = "refunds are at most what was paid"
TWO_PEOPLE = "an expense is booked after two people approved it, once"

PAID = "(SELECT s.amount_minor FROM drives_settlement s WHERE s.id = NEW.settlement_id)"
REFUNDED = """(SELECT coalesce(sum(r.amount_minor), 0) FROM drives_refund r WHERE r.settlement_id = NEW.settlement_id
   AND NOT EXISTS (SELECT 1 FROM drives_refundoutcome o WHERE o.refund_id = r.id AND NOT o.is_sent))"""
APPROVALS = "(SELECT count(DISTINCT a.person_id) FROM drives_approval a WHERE a.expense_id = NEW.id)"

SQLITE = [
    statement
    for table in HISTORIES
    for statement in (
        f"""CREATE TRIGGER drives_{table}_no_update BEFORE UPDATE ON drives_{table}
            BEGIN SELECT RAISE(ABORT, '{ONLY_GROWS}'); END""",
        f"""CREATE TRIGGER drives_{table}_no_delete BEFORE DELETE ON drives_{table}
            BEGIN SELECT RAISE(ABORT, '{ONLY_GROWS}'); END""",
    )
] + [
    f"""CREATE TRIGGER drives_refund_within_paid BEFORE INSERT ON drives_refund
        WHEN NEW.amount_minor + {REFUNDED} > coalesce({PAID}, 0)
        BEGIN SELECT RAISE(ABORT, '{TOO_MUCH}'); END""",
    f"""CREATE TRIGGER drives_expense_guard BEFORE UPDATE ON drives_expense
        WHEN OLD.entry_id IS NOT NULL OR (NEW.entry_id IS NOT NULL AND {APPROVALS} < 2)
        BEGIN SELECT RAISE(ABORT, '{TWO_PEOPLE}'); END""",
    f"""CREATE TRIGGER drives_expense_begins_unbooked BEFORE INSERT ON drives_expense WHEN NEW.entry_id IS NOT NULL
        BEGIN SELECT RAISE(ABORT, '{TWO_PEOPLE}'); END""",
    f"""CREATE TRIGGER drives_expense_no_delete BEFORE DELETE ON drives_expense WHEN OLD.entry_id IS NOT NULL
        BEGIN SELECT RAISE(ABORT, '{ONLY_GROWS}'); END""",
]
SQLITE_BACK = [
    f"DROP TRIGGER drives_{name}"
    for name in (
        *(f"{table}_no_{verb}" for table in HISTORIES for verb in ("update", "delete")),
        "refund_within_paid",
        "expense_guard",
        "expense_begins_unbooked",
        "expense_no_delete",
    )
]
REFUSE = "RAISE EXCEPTION '{}' USING ERRCODE = 'integrity_constraint_violation'"
POSTGRESQL = [
    f"""CREATE FUNCTION drives_refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN {REFUSE.format(ONLY_GROWS)}; END $$""",
    *(
        f"""CREATE TRIGGER drives_{table}_no_change BEFORE UPDATE OR DELETE ON drives_{table}
            FOR EACH ROW EXECUTE FUNCTION drives_refuse()"""
        for table in HISTORIES
    ),
    f"""CREATE FUNCTION drives_refund_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM 1 FROM drives_settlement WHERE id = NEW.settlement_id FOR UPDATE;
        IF NEW.amount_minor + {REFUNDED} > coalesce({PAID}, 0) THEN {REFUSE.format(TOO_MUCH)}; END IF;
        RETURN NEW; END $$""",
    """CREATE TRIGGER drives_refund_within_paid BEFORE INSERT ON drives_refund
       FOR EACH ROW EXECUTE FUNCTION drives_refund_guard()""",
    f"""CREATE FUNCTION drives_expense_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF TG_OP = 'DELETE' THEN
          IF OLD.entry_id IS NOT NULL THEN {REFUSE.format(ONLY_GROWS)}; END IF;
          RETURN OLD; END IF;
        IF TG_OP = 'UPDATE' AND OLD.entry_id IS NOT NULL THEN {REFUSE.format(TWO_PEOPLE)}; END IF;
        IF NEW.entry_id IS NOT NULL AND (TG_OP = 'INSERT' OR {APPROVALS} < 2) THEN {REFUSE.format(TWO_PEOPLE)}; END IF;
        RETURN NEW; END $$""",
    """CREATE TRIGGER drives_expense_guard BEFORE INSERT OR UPDATE OR DELETE ON drives_expense
       FOR EACH ROW EXECUTE FUNCTION drives_expense_guard()""",
]
POSTGRESQL_BACK = [
    *(f"DROP TRIGGER drives_{table}_no_change ON drives_{table}" for table in HISTORIES),
    "DROP TRIGGER drives_refund_within_paid ON drives_refund",
    "DROP TRIGGER drives_expense_guard ON drives_expense",
    "DROP FUNCTION drives_refuse()",
    "DROP FUNCTION drives_refund_guard()",
    "DROP FUNCTION drives_expense_guard()",
]


def guard(apps, schema_editor):
    for statement in SQLITE if schema_editor.connection.vendor == "sqlite" else POSTGRESQL:
        schema_editor.execute(statement, params=None)


def unguard(apps, schema_editor):
    for statement in SQLITE_BACK if schema_editor.connection.vendor == "sqlite" else POSTGRESQL_BACK:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("drives", "0001_initial"), ("ledger", "0002_guards")]
    operations = [migrations.RunPython(guard, unguard)]
