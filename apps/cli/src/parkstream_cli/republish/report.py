"""What came of it, in words."""

from parkstream_cli.republish.plan import Report


def tell(report: Report) -> str:
    """Return *report* as text."""
    rate = report.sent / report.seconds if report.seconds else 0.0
    count = f"{report.sent:,} sightings ({report.entries:,} entries, {report.exits:,} exits)"
    took = f"{report.seconds:,.1f} s ({rate:,.0f}/s)"
    lines = [f"Sent {count} to {report.exchange} in {took}, positions {report.first:,} to {report.through:,}."]
    if report.shift_seconds:
        lines.append(f"Their times were moved by {report.shift_seconds:,} s.")
    if not report.new_ids:
        lines.append("Their ids are those of the log: a system that has recorded them adds nothing (see --new-ids).")
    if report.decisions:
        lines.append(f"Passed over {report.decisions:,} decisions, which no camera sends.")
    if report.unreadable:
        lines.append(f"Passed over {report.unreadable:,} records that cannot be read.")
    if report.unconfirmed:
        lines.append(f"{report.unconfirmed:,} more were sent, but not confirmed.")
    if report.behind_seconds >= 1:
        lines.append(f"At most {report.behind_seconds:,.1f} s behind the pace.")
    return "\n".join(lines) + "\n"
