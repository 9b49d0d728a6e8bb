"""What lies on the disk: names, whole writes, records, their order."""
