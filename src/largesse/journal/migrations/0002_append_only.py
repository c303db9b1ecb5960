"""Rows that the database itself refuses to change or remove, and a head that only moves forward."""

from django.db import migrations

SQLITE = [
    """CREATE TRIGGER journal_row_no_update BEFORE UPDATE ON journal_row
       BEGIN SELECT RAISE(ABORT, 'journal rows are never changed'); END""",
    """CREATE TRIGGER journal_row_no_delete BEFORE DELETE ON journal_row
       BEGIN SELECT RAISE(ABORT, 'journal rows are never removed'); END""",
    """CREATE TRIGGER journal_head_no_delete BEFORE DELETE ON journal_head
       BEGIN SELECT RAISE(ABORT, 'the head of the journal is never removed'); END""",
    """CREATE TRIGGER journal_head_forward BEFORE UPDATE ON journal_head WHEN NEW.serial <> OLD.serial + 1
       BEGIN SELECT RAISE(ABORT, 'the journal grows one row at a time'); END""",
]
SQLITE_BACK = [
    "DROP TRIGGER journal_row_no_update",
    "DROP TRIGGER journal_row_no_delete",
    "DROP TRIGGER journal_head_no_delete",
    "DROP TRIGGER journal_head_forward",
]
POSTGRESQL = [
    """CREATE FUNCTION journal_refuse() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation'; END $$""",
    """CREATE TRIGGER journal_row_no_update BEFORE UPDATE ON journal_row
       FOR EACH ROW EXECUTE FUNCTION journal_refuse('journal rows are never changed')""",
    """CREATE TRIGGER journal_row_no_delete BEFORE DELETE ON journal_row
       FOR EACH ROW EXECUTE FUNCTION journal_refuse('journal rows are never removed')""",
    """CREATE TRIGGER journal_head_no_delete BEFORE DELETE ON journal_head
       FOR EACH ROW EXECUTE FUNCTION journal_refuse('the head of the journal is never removed')""",
    """CREATE TRIGGER journal_head_forward BEFORE UPDATE ON journal_head
       FOR EACH ROW WHEN (NEW.serial <> OLD.serial + 1)
       EXECUTE FUNCTION journal_refuse('the journal grows one row at a time')""",
]
POSTGRESQL_BACK = [
    "DROP TRIGGER journal_row_no_update ON journal_row",
    "DROP TRIGGER journal_row_no_delete ON journal_row",
    "DROP TRIGGER journal_head_no_delete ON journal_head",
    "DROP TRIGGER journal_head_forward ON journal_head",
    "DROP FUNCTION journal_refuse()",
]


def guard(apps, schema_editor):
    for statement in SQLITE if schema_editor.connection.vendor == "sqlite" else POSTGRESQL:
        schema_editor.execute(statement, params=None)


def unguard(apps, schema_editor):
    for statement in SQLITE_BACK if schema_editor.connection.vendor == "sqlite" else POSTGRESQL_BACK:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("journal", "0001_initial")]
    operations = [migrations.RunPython(guard, unguard)]
