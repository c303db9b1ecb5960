"""Edits that the database itself refuses to change or remove."""

from django.db import migrations

SQLITE = [
    """CREATE TRIGGER torrents_listingedit_no_update BEFORE UPDATE ON torrents_listingedit
       BEGIN SELECT RAISE(ABORT, 'the history of a listing is never changed'); END""",
    """CREATE TRIGGER torrents_listingedit_no_delete BEFORE DELETE ON torrents_listingedit
       BEGIN SELECT RAISE(ABORT, 'the history of a listing is never removed'); END""",
]
SQLITE_BACK = ["DROP TRIGGER torrents_listingedit_no_update", "DROP TRIGGER torrents_listingedit_no_delete"]
POSTGRESQL = [
    """CREATE FUNCTION torrents_refuse() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation'; END $$""",
    """CREATE TRIGGER torrents_listingedit_no_update BEFORE UPDATE ON torrents_listingedit
       FOR EACH ROW EXECUTE FUNCTION torrents_refuse('the history of a listing is never changed')""",
    """CREATE TRIGGER torrents_listingedit_no_delete BEFORE DELETE ON torrents_listingedit
       FOR EACH ROW EXECUTE FUNCTION torrents_refuse('the history of a listing is never removed')""",
]
POSTGRESQL_BACK = [
    "DROP TRIGGER torrents_listingedit_no_update ON torrents_listingedit",
    "DROP TRIGGER torrents_listingedit_no_delete ON torrents_listingedit",
    "DROP FUNCTION torrents_refuse()",
]


def guard(apps, schema_editor):
    for statement in SQLITE if schema_editor.connection.vendor == "sqlite" else POSTGRESQL:
        schema_editor.execute(statement, params=None)


def unguard(apps, schema_editor):
    for statement in SQLITE_BACK if schema_editor.connection.vendor == "sqlite" else POSTGRESQL_BACK:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("torrents", "0002_language_and_bounds")]
    operations = [migrations.RunPython(guard, unguard)]
