"""
Let the body of an event be emptied, and nothing else of it change: it names payers, whose time ends, while its id is kept for good.
"""

from django.db import migrations

ONLY_GROWS = "payments and contracts only grow"
REFUSE = f"RAISE EXCEPTION '{ONLY_GROWS}' USING ERRCODE = 'integrity_constraint_violation'"
CHANGED = "NEW.id <> OLD.id OR NEW.kind <> OLD.kind OR NEW.received_at <> OLD.received_at OR length(NEW.body) > 0"

SQLITE = [
    "DROP TRIGGER drives_providerevent_no_update",
    f"""CREATE TRIGGER drives_providerevent_only_emptied BEFORE UPDATE ON drives_providerevent WHEN {CHANGED}
        BEGIN SELECT RAISE(ABORT, '{ONLY_GROWS}'); END""",
]
SQLITE_BACK = [
    "DROP TRIGGER drives_providerevent_only_emptied",
    f"""CREATE TRIGGER drives_providerevent_no_update BEFORE UPDATE ON drives_providerevent
        BEGIN SELECT RAISE(ABORT, '{ONLY_GROWS}'); END""",
]
POSTGRESQL = [
    "DROP TRIGGER drives_providerevent_no_change ON drives_providerevent",
    f"""CREATE FUNCTION drives_event_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF TG_OP = 'DELETE' THEN {REFUSE}; END IF;
        IF {CHANGED} THEN {REFUSE}; END IF;
        RETURN NEW; END $$""",
    """CREATE TRIGGER drives_event_guard BEFORE UPDATE OR DELETE ON drives_providerevent
       FOR EACH ROW EXECUTE FUNCTION drives_event_guard()""",
]
POSTGRESQL_BACK = [
    "DROP TRIGGER drives_event_guard ON drives_providerevent",
    "DROP FUNCTION drives_event_guard()",
    """CREATE TRIGGER drives_providerevent_no_change BEFORE UPDATE OR DELETE ON drives_providerevent
       FOR EACH ROW EXECUTE FUNCTION drives_refuse()""",
]


def guard(apps, schema_editor):
    for statement in SQLITE if schema_editor.connection.vendor == "sqlite" else POSTGRESQL:
        schema_editor.execute(statement, params=None)


def unguard(apps, schema_editor):
    for statement in SQLITE_BACK if schema_editor.connection.vendor == "sqlite" else POSTGRESQL_BACK:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("drives", "0005_gifts_for_a_line")]
    operations = [migrations.RunPython(guard, unguard)]
