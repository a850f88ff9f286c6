module webhook-receiver-go

go 1.19
