from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models import F


def fill(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """A session began when it was last heard of, as far as is known, and whoever seeded has completed."""
    reports = apps.get_model("swarm", "MemberReport").objects.using(schema_editor.connection.alias)
    reports.update(begun_at=F("heard_at"), has_completed=F("is_seeder"))


class Migration(migrations.Migration):
    dependencies = [("swarm", "0003_member_reports")]

    operations = [
        migrations.AddField("memberreport", "begun_at", models.BigIntegerField(default=0)),
        migrations.AddField("memberreport", "is_stopped", models.BooleanField(default=False)),
        migrations.AddField("memberreport", "has_completed", models.BooleanField(default=False)),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
