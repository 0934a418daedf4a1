"""What Word documents, presentations and workbooks share: their package, tables, drawings and number formats."""
