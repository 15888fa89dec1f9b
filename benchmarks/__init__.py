"""What Parkstream costs: ``./dev bench NAME``.

Reading order: machine and meter (where and how it is measured), load (what is put through), stack (what runs),
then one module per benchmark: drain, latency, publish, grow. Figures of different runs do not compare: ratios within one do.
"""
