"""
What the database itself refuses: rows of the book that change, postings in another currency than their account's, postings
after the seal, and a seal over postings that do not balance.

That no entry is committed without its seal is the deferred foreign key's doing, on both engines. On SQLite, where a program may
switch foreign keys off, an entry is also refused while the one before it has no seal.
"""

from django.db import migrations

TABLES = ("account", "entry", "posting", "seal")
UNSEALED = "a sealed entry takes no more postings"
NO_ENTRY = "a posting belongs to an entry that its own transaction sees"
CURRENCY = "a posting has the currency of its account"
BALANCE = "postings sum to zero in each currency"
COUNT = "a seal counts the postings of its entry, at least two"
OPPOSITE = "a reversal undoes the whole entry"
BEFORE = "the entry before has no seal"

SQLITE = [
    statement
    for table in TABLES
    for statement in (
        f"""CREATE TRIGGER ledger_{table}_no_update BEFORE UPDATE ON ledger_{table}
            BEGIN SELECT RAISE(ABORT, 'the book only grows'); END""",
        f"""CREATE TRIGGER ledger_{table}_no_delete BEFORE DELETE ON ledger_{table}
            BEGIN SELECT RAISE(ABORT, 'the book only grows'); END""",
    )
] + [
    f"""CREATE TRIGGER ledger_entry_after_sealed BEFORE INSERT ON ledger_entry
        WHEN EXISTS (SELECT 1 FROM ledger_entry e WHERE e.id = (SELECT max(id) FROM ledger_entry)
                     AND NOT EXISTS (SELECT 1 FROM ledger_seal s WHERE s.public_id = e.public_id))
        BEGIN SELECT RAISE(ABORT, '{BEFORE}'); END""",
    f"""CREATE TRIGGER ledger_posting_guard BEFORE INSERT ON ledger_posting BEGIN
        SELECT RAISE(ABORT, '{UNSEALED}') WHERE EXISTS (
          SELECT 1 FROM ledger_entry e JOIN ledger_seal s ON s.public_id = e.public_id WHERE e.id = NEW.entry_id);
        SELECT RAISE(ABORT, '{NO_ENTRY}') WHERE NOT EXISTS (SELECT 1 FROM ledger_entry e WHERE e.id = NEW.entry_id);
        SELECT RAISE(ABORT, '{CURRENCY}') WHERE NOT EXISTS (
          SELECT 1 FROM ledger_account a WHERE a.id = NEW.account_id AND a.currency = NEW.currency);
        SELECT RAISE(ABORT, 'amounts are whole') WHERE typeof(NEW.amount_minor) <> 'integer';
        END""",
    f"""CREATE TRIGGER ledger_seal_guard BEFORE INSERT ON ledger_seal BEGIN
        SELECT RAISE(ABORT, '{COUNT}') WHERE NEW.postings < 2 OR NEW.postings <> (
          SELECT count(*) FROM ledger_posting p JOIN ledger_entry e ON e.id = p.entry_id
          WHERE e.public_id = NEW.public_id);
        SELECT RAISE(ABORT, '{BALANCE}') WHERE EXISTS (
          SELECT 1 FROM ledger_posting p JOIN ledger_entry e ON e.id = p.entry_id
          WHERE e.public_id = NEW.public_id GROUP BY p.currency HAVING sum(p.amount_minor) <> 0);
        SELECT RAISE(ABORT, '{OPPOSITE}') WHERE EXISTS (
          SELECT 1 FROM ledger_entry e JOIN ledger_posting p ON p.entry_id IN (e.id, e.reverses_id)
          WHERE e.public_id = NEW.public_id AND e.reverses_id IS NOT NULL
          GROUP BY p.account_id HAVING sum(p.amount_minor) <> 0);
        END""",
]
SQLITE_BACK = [
    f"DROP TRIGGER ledger_{name}"
    for name in (
        *(f"{table}_no_{verb}" for table in TABLES for verb in ("update", "delete")),
        "entry_after_sealed",
        "posting_guard",
        "seal_guard",
    )
]
POSTGRESQL = [
    """CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION 'the book only grows' USING ERRCODE = 'integrity_constraint_violation'; END $$""",
    *(
        f"""CREATE TRIGGER ledger_{table}_no_change BEFORE UPDATE OR DELETE ON ledger_{table}
            FOR EACH ROW EXECUTE FUNCTION ledger_refuse()"""
        for table in TABLES
    ),
    f"""CREATE FUNCTION ledger_posting_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF EXISTS (SELECT 1 FROM ledger_entry e JOIN ledger_seal s ON s.public_id = e.public_id WHERE e.id = NEW.entry_id) THEN
          RAISE EXCEPTION '{UNSEALED}' USING ERRCODE = 'integrity_constraint_violation'; END IF;
        IF NOT EXISTS (SELECT 1 FROM ledger_entry e WHERE e.id = NEW.entry_id) THEN
          RAISE EXCEPTION '{NO_ENTRY}' USING ERRCODE = 'integrity_constraint_violation'; END IF;
        IF NOT EXISTS (SELECT 1 FROM ledger_account a WHERE a.id = NEW.account_id AND a.currency = NEW.currency) THEN
          RAISE EXCEPTION '{CURRENCY}' USING ERRCODE = 'integrity_constraint_violation'; END IF;
        RETURN NEW; END $$""",
    """CREATE TRIGGER ledger_posting_guard BEFORE INSERT ON ledger_posting
       FOR EACH ROW EXECUTE FUNCTION ledger_posting_guard()""",
    f"""CREATE FUNCTION ledger_seal_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.postings < 2 OR NEW.postings <> (
          SELECT count(*) FROM ledger_posting p JOIN ledger_entry e ON e.id = p.entry_id
          WHERE e.public_id = NEW.public_id) THEN
          RAISE EXCEPTION '{COUNT}' USING ERRCODE = 'integrity_constraint_violation'; END IF;
        IF EXISTS (SELECT 1 FROM ledger_posting p JOIN ledger_entry e ON e.id = p.entry_id
          WHERE e.public_id = NEW.public_id GROUP BY p.currency HAVING sum(p.amount_minor) <> 0) THEN
          RAISE EXCEPTION '{BALANCE}' USING ERRCODE = 'integrity_constraint_violation'; END IF;
        IF EXISTS (SELECT 1 FROM ledger_entry e JOIN ledger_posting p ON p.entry_id IN (e.id, e.reverses_id)
          WHERE e.public_id = NEW.public_id AND e.reverses_id IS NOT NULL
          GROUP BY p.account_id HAVING sum(p.amount_minor) <> 0) THEN
          RAISE EXCEPTION '{OPPOSITE}' USING ERRCODE = 'integrity_constraint_violation'; END IF;
        RETURN NEW; END $$""",
    """CREATE TRIGGER ledger_seal_guard BEFORE INSERT ON ledger_seal
       FOR EACH ROW EXECUTE FUNCTION ledger_seal_guard()""",
]
POSTGRESQL_BACK = [
    *(f"DROP TRIGGER ledger_{table}_no_change ON ledger_{table}" for table in TABLES),
    "DROP TRIGGER ledger_posting_guard ON ledger_posting",
    "DROP TRIGGER ledger_seal_guard ON ledger_seal",
    "DROP FUNCTION ledger_refuse()",
    "DROP FUNCTION ledger_posting_guard()",
    "DROP FUNCTION ledger_seal_guard()",
]


def guard(apps, schema_editor):
    for statement in SQLITE if schema_editor.connection.vendor == "sqlite" else POSTGRESQL:
        schema_editor.execute(statement, params=None)


def unguard(apps, schema_editor):
    for statement in SQLITE_BACK if schema_editor.connection.vendor == "sqlite" else POSTGRESQL_BACK:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]
    operations = [migrations.RunPython(guard, unguard)]
