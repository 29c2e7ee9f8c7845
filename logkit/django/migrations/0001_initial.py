from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="AuditOutbox",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("stream", models.CharField(max_length=16)),
                ("body", models.BinaryField()),
                ("stored_at", models.DateTimeField(auto_now_add=True, db_index=True)),
            ],
        ),
    ]
